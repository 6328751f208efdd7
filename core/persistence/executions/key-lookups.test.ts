// The worker's statements of every execution, planned on empty tables: rows are found by the ids' own index all the same.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Executor } from "../database.ts";
import type { Sql } from "../sql.ts";
import { claimExecutions } from "./claim-executions.ts";
import { reapExecutions, renewLeases } from "./leases.ts";
import { writeJournal } from "./write-journal.ts";

let bed: ExecutionBed;

before(async () => {
  bed = await createExecutionBed();
});
after(() => bed?.close());

/** The scans of executions in the plan that the worker's connections would keep. */
async function scansOf(
  run: (executor: Executor) => Promise<unknown>,
  role: "atelier_worker" | "atelier_scheduler" = "atelier_worker",
): Promise<string[]> {
  const asked: Sql[] = [];
  const many = async (statement: Sql) => {
    asked.push(statement);
    return [];
  };
  await run({ many, one: () => assert.fail(), run: () => assert.fail() });
  const [statement] = asked;
  assert.ok(statement);
  const client = await bed.open(role).connect("plans");
  const { rows } = await client
    .query<{ "QUERY PLAN": string }>(`explain (generic_plan, costs off) ${statement.text}`)
    .finally(() => client.end());
  const lines = rows.map((row) => row["QUERY PLAN"]);
  const scans = lines.filter((line) => /Scan .*workflow_executions_/.test(line));
  assert.ok(scans.length > 0);
  return scans;
}

function assertByKey(scans: readonly string[]): void {
  const others = scans.filter(
    (line) => !/(Index Scan using|Index Only Scan using|Bitmap Index Scan on) \S+_pkey/.test(line),
  );
  // This month's, and the one that holds what belongs to no month.
  const parts = new Set(scans.map((line) => /workflow_executions_(\d{6}|default)/.exec(line)?.[1]));
  assert.deepEqual(parts, new Set([new Date().toISOString().slice(0, 7).replace("-", ""), "default"]));
  // A heap is read through the bitmap of an index that has its own line.
  assert.deepEqual(
    others.filter((line) => !line.includes("Bitmap Heap Scan")),
    [],
  );
}

const ids = [uuidv7(), uuidv7()];
const owner = uuidv7();

test("a claim looks executions up by their ids, not among all that are queued", async () => {
  assertByKey(
    await scansOf((executor) => claimExecutions(executor, { ids, owner, leaseMs: 8_000, crashesBelow: 2 })),
  );
});

test("a journal write looks executions up by their ids, not among all that run", async () => {
  const batch = ids.map((executionId) => ({ executionId, fence: 1, steps: [] }));
  assertByKey(await scansOf((executor) => writeJournal(executor, batch)));
});

test("a renewal of leases looks executions up by their ids, not among all that run", async () => {
  assertByKey(await scansOf((executor) => renewLeases(executor, { ids, owner, leaseMs: 8_000 })));
});

test("the reaper's look every second goes by leases, not through the history", async () => {
  const options = { maxCrashes: 3, limit: 1_000, silentMs: 8_000 };
  const scans = await scansOf((executor) => reapExecutions(executor, options), "atelier_scheduler");
  const partitions = await bed.admin.query(
    "select from pg_inherits where inhparent = 'workflow_executions'::regclass",
  );
  const byLease = scans.filter((line) => /Index Scan using \S+_lease_until_idx/.test(line));
  assert.equal(byLease.length, partitions.rowCount);
});
