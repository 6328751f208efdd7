// Drops the partitions of months of which nothing is left, without making anybody wait who works.
import { collectFailures } from "../../domain/collect-failures.ts";
import type { Database } from "../../persistence/database.ts";
import { dropEmptyMonth, listMonths } from "../../persistence/executions/partitions.ts";
import { type TryOptions, tryMonth } from "./try-month.ts";

/**
 * The months that went, as ISO 8601 of their first instants; those still in use are left to the next pass. One that fails
 * stops no other, and is thrown at the end.
 */
export async function dropMonths(database: Database, options: TryOptions = {}): Promise<string[]> {
  const dropped: string[] = [];
  const failures = collectFailures();
  for (const month of await listMonths(database)) {
    if (options.signal?.aborted) break;
    const drop = () => tryMonth(database, (tx) => dropEmptyMonth(tx, month), options);
    const verdict = await failures.attempt(month.slice(0, 7), drop, null);
    if (verdict === "dropped") dropped.push(month);
    if (verdict === "young") break;
  }
  failures.throwIfAny();
  return dropped;
}
