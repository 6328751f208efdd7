// Waits until every execution has ended, and says when the last one did, on the database's clock.
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

const patienceMs = 120_000;

/** `lastMs`: milliseconds since the epoch. Throws when one did not succeed, or the number is not the expected. */
export async function awaitEnds(
  admin: pg.Client,
  workflowIds: readonly string[],
  expected: number,
): Promise<{ lastMs: number }> {
  const deadline = Date.now() + patienceMs;
  // Answered from the partial indexes on queued and running. Planning it takes some 5 ms of what is measured each time.
  const some = ["queued", "running"].map(
    (status) => `exists (select from workflow_executions where status = '${status}')`,
  );
  const pending = `select ${some.join(" or ")} as some`;
  while ((await admin.query<{ some: boolean }>(pending)).rows[0]?.some) {
    if (Date.now() > deadline) throw new Error(`executions were still under way after ${patienceMs} ms`);
    await sleep(500);
  }
  const { rows } = await admin.query<{ status: string; count: number; last: number }>(
    `select status, count(*)::int as count, max(extract(epoch from finished_at) * 1000)::float8 as last
     from workflow_executions where workflow_id = any($1::uuid[]) group by status`,
    [workflowIds],
  );
  const [succeeded] = rows;
  if (rows.length !== 1 || succeeded?.status !== "succeeded" || succeeded.count !== expected) {
    throw new Error(`expected ${expected} succeeded executions, found ${JSON.stringify(rows)}`);
  }
  return { lastMs: succeeded.last };
}
