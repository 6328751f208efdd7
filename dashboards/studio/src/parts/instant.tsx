// A moment in the reader's own zone and language, exact to the millisecond for machines.

const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function Instant({ at }: { at: string | null | undefined }) {
  return at ? <time dateTime={at}>{FORMAT.format(new Date(at))}</time> : <span>–</span>;
}

/** "850 ms", "12.3 s", "4 min 5 s"; a dash while it has not ended. */
export function durationOf(from: string | null, to: string | null): string {
  if (!from || !to) return "–";
  const ms = Math.max(0, Date.parse(to) - Date.parse(from));
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1_000)} s`;
}
