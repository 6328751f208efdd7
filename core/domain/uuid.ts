// The text form of a UUID of any version, for ids that come from outside.

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Letters of either case; what is false here must not reach a uuid parameter. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** When a UUIDv7 was made: ISO 8601. */
export function timeOfId(id: string): string {
  return new Date(Number(`0x${id.slice(0, 8)}${id.slice(9, 13)}`)).toISOString();
}
