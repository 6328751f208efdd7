// A row that another transaction changes while a statement waits for it: still found afterwards, on a real server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "pg";
import { v7 as uuidv7 } from "uuid";
import type { StepRecord } from "#core/domain/journal.ts";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { asAdmin } from "../../../test/support/query.ts";
import { createDatabase, type Database } from "../database.ts";
import { writeJournal } from "./write-journal.ts";

let testDatabase: TestDatabase;
let database: Database;
let other: Client;
let otherPid: number;

before(async () => {
  testDatabase = await createTestDatabase();
  database = createDatabase({
    databaseUrl: testDatabase.databaseUrl,
    role: "atelier_worker",
    maxConnections: 2,
  });
  other = new Client({ connectionString: testDatabase.adminUrl });
  await other.connect();
  otherPid = (await other.query("select pg_backend_pid() pid")).rows[0].pid;
});

after(async () => {
  await other?.end();
  await database?.close();
  await testDatabase?.drop();
});

const step: StepRecord = {
  nodeId: "a",
  nodeType: "data.transform",
  iteration: "",
  attempt: 1,
  status: "succeeded",
  seq: 1,
  effect: "pure",
  idempotencyKey: null,
  port: null,
  input: null,
  output: 1,
  error: null,
  startedAt: "2026-01-01T00:00:00Z",
  finishedAt: "2026-01-01T00:00:00Z",
};

async function insertRunning(): Promise<string> {
  const id = uuidv7();
  await other.query(
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id, status, fence)
     values ($1, $1, $1, 1, $1, $1, 'running', 1)`,
    [id],
  );
  return id;
}

for (const kind of ["steps", "moves"] as const) {
  test(`a lease renewed while ${kind} wait to be written costs nobody the execution`, async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await insertRunning());
    await other.query("begin");
    await other.query("update workflow_executions set lease_until = now() where id = any($1)", [ids]);
    const move = kind === "moves" ? ({ to: "succeeded", output: 1 } as const) : undefined;
    const batch = ids.map((executionId) => ({
      executionId,
      fence: 1,
      steps: [step],
      ...(move ? { move } : {}),
    }));
    const written = writeJournal(database, batch);
    await untilBlocked();
    await other.query("commit");
    assert.equal((await written).held.size, 5);
    const { rows } = await other.query("select 1 from execution_steps where execution_id = any($1)", [ids]);
    assert.equal(rows.length, 5);
  });
}

test("no role prunes partitions at run time", async () => {
  for (const role of ["atelier_api", "atelier_worker", "atelier_scheduler"] as const) {
    const asRole = createDatabase({ databaseUrl: testDatabase.databaseUrl, role, maxConnections: 1 });
    const row = await asRole.one<{ setting: string }>({
      text: "select current_setting('enable_partition_pruning') setting",
      values: [],
    });
    await asRole.close();
    assert.equal(row?.setting, "off", role);
  }
});

/** Looks from outside the transaction: inside, the statistics stand still. */
async function untilBlocked(): Promise<void> {
  const blocked = `select from pg_stat_activity
    where datname = (select datname from pg_stat_activity where pid = $1) and wait_event_type = 'Lock'`;
  for (;;) {
    if ((await asAdmin(testDatabase, blocked, [otherPid])).length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
