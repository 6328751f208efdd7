// Between which months ids lie, in words from which the planner knows the partitions that cannot hold them.
import { type Sql, sql } from "../sql.ts";

// Of older and later ones nothing is said: whoever makes up ids must not fill the connections with prepared statements.
const OLDEST_MS = Date.UTC(2024, 0);
const AHEAD_MS = 31 * 86_400_000;

/**
 * A condition on `workflow_executions e` that is true for all of `ids` (UUIDs) and false for other months, or none. It
 * stands in the text, since what is bound is not known to the planner; one text a month. Planning and starting a claim
 * or a journal write over 14 partitions took about 0.8 ms of a loaded machine's time, over two 0.1.
 */
export function inMonthsOf(ids: readonly string[], now = Date.now()): Sql {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const id of ids) {
    const ms = Number(`0x${id.slice(0, 8)}${id.slice(9, 13)}`);
    if (!(ms >= OLDEST_MS && ms <= now + AHEAD_MS)) return sql``;
    first = Math.min(first, ms);
    last = Math.max(last, ms);
  }
  return ids.length === 0
    ? sql``
    : written(`and e.id >= '${floorOf(first, 0)}' and e.id < '${floorOf(last, 1)}'`);
}

/** The least id of the month `months` after the one of `ms`. */
function floorOf(ms: number, months: number): string {
  const at = new Date(ms);
  const hex = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + months)
    .toString(16)
    .padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

function written(text: string): Sql {
  return sql(Object.assign([text], { raw: [text] }));
}
