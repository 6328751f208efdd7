// The text form of a UUID of any version, for ids that come from outside.

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Letters of either case; what is false here must not reach a uuid parameter. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
