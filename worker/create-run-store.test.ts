// Journal writes of a worker: group commit, stale fences, and patience while the database is away.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import type { ExecutionMove, StepRecord } from "#core/domain/journal.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { createExecutionBed, type ExecutionBed, stepOf } from "../test/support/executions.ts";
import { startTcpProxy } from "../test/support/tcp-proxy.ts";
import { createRunStore } from "./create-run-store.ts";

let bed: ExecutionBed;

before(async () => {
  bed = await createExecutionBed();
});
after(() => bed?.close());

const running = (fence = 1) =>
  bed.addExecution({ status: "running", fence, lease_owner: uuidv7(), lease_until: "2100-01-01" });

test("a write whose connection is cut is written again and committed once", async () => {
  const store = createRunStore(bed.open("atelier_worker"));
  const id = await running();
  const blocker = await bed.admin.connect();
  await blocker.query("begin");
  await blocker.query("select 1 from workflow_executions where id = $1 for update", [id]);
  const steps = [stepOf("a"), stepOf("b", { seq: 2 })];
  const written = store.write({ executionId: id, fence: 1, steps, move: { to: "succeeded", output: 7 } });
  await untilBlocked();
  assert.ok((await bed.cutConnections()) > 0);
  await untilBlocked();
  await blocker.query("commit");
  blocker.release();
  await written;
  assert.equal((await bed.execution(id)).status, "succeeded");
  assert.equal((await bed.steps(id)).length, 2);
});

/** Writes on a line that swallows the answer to the commit and is cut then. Resolves when the store has found out. */
async function writeUnheard(id: string, given: { steps?: StepRecord[]; move?: ExecutionMove }) {
  const line = await startTcpProxy(bed.databaseUrl);
  const database = createDatabase({ databaseUrl: line.through(bed.databaseUrl), role: "atelier_worker" });
  const blocker = await bed.admin.connect();
  try {
    await blocker.query("begin");
    await blocker.query("select 1 from workflow_executions where id = $1 for update", [id]);
    const store = createRunStore(database);
    const written = store.write({ executionId: id, fence: 1, steps: [], ...given }).then(
      () => "written",
      (error) => error.code as string,
    );
    await untilBlocked();
    line.set({ kind: "drop" });
    await blocker.query("commit");
    await untilBlocked(false);
    line.set({ kind: "pass" });
    line.reset();
    return await written;
  } finally {
    blocker.release();
    await database.close();
    await line.close();
  }
}

const MOVES: readonly ExecutionMove[] = [
  { to: "succeeded", output: 7 },
  { to: "failed", error: { code: "no_stock", message: "Nothing left" } },
  { to: "queued" },
  { to: "waiting", availableAt: "2099-01-01T00:00:00.000Z", wake: 0 },
];

for (const move of MOVES) {
  test(`a move to ${move.to} that was committed unheard is known as our own`, async () => {
    const id = await running();
    assert.equal(await writeUnheard(id, { steps: [stepOf("a")], move }), "written");
    assert.equal((await bed.execution(id)).status, move.to);
    assert.equal((await bed.steps(id)).length, 1);
  });
}

test("a move that was committed unheard is not taken for our own when another worker has it since", async () => {
  const id = await running();
  await bed.admin.query(`create function claim_again() returns trigger language plpgsql as $$
    begin new.fence := new.fence + 1; return new; end $$`);
  await bed.admin.query(`create trigger claim_again before update on workflow_executions for each row
    when (new.id = '${id}') execute function claim_again()`);
  assert.equal(await writeUnheard(id, { move: { to: "queued" } }), "lease_lost");
});

test("a child that is written again, because nobody heard that it was made, has one entry in the audit log", async () => {
  const person = await bed.addPerson();
  const { userId, workspaceId } = person;
  const id = await bed.addExecution({
    ...{ status: "running", fence: 1, lease_owner: uuidv7(), lease_until: "2100-01-01" },
    ...{ user_id: userId, workspace_id: workspaceId },
  });
  const child = uuidv7();
  const execution = { userId, workspaceId, priority: 0, band: 0 };
  const start = { id: child, workflowId: uuidv7(), version: 1, input: null, rootId: uuidv7(), execution };
  const step = stepOf("sub", {
    status: "waiting",
    state: { childId: child },
    child: start,
    finishedAt: null,
  });
  const store = createRunStore(bed.open("atelier_worker"));
  for (let n = 0; n < 2; n++) await store.write({ executionId: id, fence: 1, steps: [step] });
  assert.equal((await bed.execution(child)).status, "queued");
  const entries = await bed.admin.query(
    "select 1 from audit_logs where action = 'execution.submitted' and target_id = $1",
    [child],
  );
  assert.equal(entries.rowCount, 1);
});

test("an approval whose end is written again, because nobody heard that it was, expires once in the audit log", async () => {
  const { userId, workspaceId } = await bed.addPerson();
  const executionId = await bed.addExecution({
    ...{ status: "running", fence: 1, lease_owner: uuidv7(), lease_until: "2100-01-01" },
    ...{ user_id: userId, workspace_id: workspaceId },
  });
  const [approvalId, deadline] = [uuidv7(), "2026-03-01T12:00:00.123Z"];
  const question = { message: "?", approvers: [], quorum: 1, excludeRequester: false };
  const waits = stepOf("ask", {
    status: "waiting",
    finishedAt: null,
    wakeAt: deadline,
    state: { approvalId },
  });
  const store = createRunStore(bed.open("atelier_worker"));
  const write = (step: typeof waits) => store.write({ executionId, fence: 1, steps: [step] });
  await write({ ...waits, approval: { id: approvalId, deadline, ...question } });
  const ended = { ...waits, status: "succeeded" as const, seq: 2, expired: { approvalId, workspaceId } };
  for (let n = 0; n < 2; n++) await write(ended);
  const { rows } = await bed.admin.query("select status from approvals where id = $1", [approvalId]);
  assert.deepEqual(rows, [{ status: "expired" }]);
  const entries = await bed.admin.query(
    "select 1 from audit_logs where action = 'approval.expired' and target_id = $1",
    [approvalId],
  );
  assert.equal(entries.rowCount, 1);
});

async function untilBlocked(wanted = true): Promise<void> {
  for (;;) {
    const { rowCount } = await bed.admin.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (Boolean(rowCount) === wanted) return;
    await delay(20);
  }
}

test("a stale fence is lease_lost and takes none of its neighbours with it", async () => {
  const store = createRunStore(bed.open("atelier_worker"));
  const ids = await Promise.all([running(), running(5), running()]);
  const results = await Promise.allSettled(
    ids.map((executionId) => store.write({ executionId, fence: 1, steps: [stepOf("a")] })),
  );
  assert.deepEqual(
    results.map((result) => (result.status === "rejected" ? result.reason.code : "written")),
    ["written", "lease_lost", "written"],
  );
});

test("a write that cannot be stored fails alone; what shared its commit is written", async () => {
  const store = createRunStore(bed.open("atelier_worker"));
  const ids = await Promise.all(Array.from({ length: 9 }, () => running()));
  const results = await Promise.allSettled(
    ids.map((executionId, index) =>
      store.write({
        executionId,
        fence: 1,
        steps: [stepOf("a", { output: index === 4 ? "nul \0" : "fine" })],
      }),
    ),
  );
  assert.deepEqual(
    results.map((result) => result.status === "fulfilled"),
    ids.map((_, index) => index !== 4),
  );
  assert.equal((await bed.steps(ids[4] ?? "")).length, 0);
  assert.equal((await bed.steps(ids[8] ?? "")).length, 1);
});

test("drain resolves when what was handed over is committed", async () => {
  const store = createRunStore(bed.open("atelier_worker"));
  const id = await running();
  void store.write({ executionId: id, fence: 1, steps: [stepOf("a")] });
  await store.drain();
  assert.equal((await bed.steps(id)).length, 1);
});
