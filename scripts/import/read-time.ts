// Times as old files have them, made ISO 8601 UTC.

const TIME =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)? ?(Z|[+-]\d{2}:?\d{2})?$/i;
// Beyond these a number is no time of a Studio: 1973 in seconds, 2100.
const MIN_MS = 100_000_000_000;
const MAX_MS = 4_102_444_800_000;

/**
 * ISO-like texts (without a zone: UTC) and Unix times in seconds or milliseconds. Null for everything else, for
 * days that do not exist, and for what lies before March 1973 or after 2099.
 */
export function readTime(value: unknown): string | null {
  if (typeof value === "number") return fromNumber(value);
  if (typeof value !== "string") return null;
  const text = value.trim();
  if (/^\d{9,13}(\.\d+)?$/.test(text)) return fromNumber(Number(text));
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone = "Z"] =
    TIME.exec(text) ?? [];
  if (!year || !month || !day) return null;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0").slice(0, 3)}`;
  const asUtc = Date.parse(`${local}Z`);
  // 30 February would silently become 1 March.
  if (Number.isNaN(asUtc) || new Date(asUtc).getUTCDate() !== Number(day)) return null;
  return fromMilliseconds(Date.parse(`${local}${zone.toUpperCase().replace(/(\d{2}):?(\d{2})$/, "$1:$2")}`));
}

function fromNumber(value: number): string | null {
  return fromMilliseconds(value < MIN_MS ? value * 1000 : value);
}

function fromMilliseconds(ms: number): string | null {
  return ms >= MIN_MS && ms < MAX_MS ? new Date(ms).toISOString() : null;
}
