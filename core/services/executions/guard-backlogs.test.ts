// The queue of a workspace has an end: what is beyond it is refused whole, whoever submits, and accepted once there is room.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import { createExecutionQueue, type ExecutionQueue } from "../../queue/execution-queue.ts";
import { principalsOf } from "../principals-of.ts";
import { toRow } from "./commit-submissions.ts";
import { createBacklogGuard } from "./guard-backlogs.ts";
import { createExecutionSubmitter, type ExecutionSubmitter } from "./submit-executions.ts";

const LIMIT = 20;

let bed: ExecutionBed;
let queue: ExecutionQueue;
/** As two api processes would have them. */
let submitter: ExecutionSubmitter;
let second: ExecutionSubmitter;

before(async () => {
  bed = await createExecutionBed();
  queue = createExecutionQueue({ kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_api" });
  [submitter, second] = [open(), open()] as [ExecutionSubmitter, ExecutionSubmitter];
});
after(async () => {
  await queue?.close();
  await bed?.close();
});

const open = () =>
  createExecutionSubmitter({
    database: bed.open("atelier_api", 4),
    queue,
    backlogs: createBacklogGuard(LIMIT),
    onRingFailed: () => {},
  });

async function addSubmitter() {
  const person = await bed.addPerson();
  const workflowId = await bed.addWorkflow(person);
  const many = (count: number) => Array(count).fill({ workflowId, input: null });
  const count = async () => {
    const text =
      "select count(*)::int n from workflow_executions where workspace_id = $1 and status = 'queued'";
    return (await bed.admin.query(text, [person.workspaceId])).rows[0].n;
  };
  return { person, workflowId, many, count };
}

test("the first beyond the limit is refused, others' queues have room; a repeated key is answered all the same", async () => {
  const { person, workflowId, many, count } = await addSubmitter();
  const send = (key?: string) => submitter.submit(person, { workflowId, input: null }, { key });
  const first = await send("first");
  await submitter.submitMany(person, many(LIMIT - 1));
  await assert.rejects(send(), { code: "queue_full" });
  await assert.rejects(send("other"), { code: "queue_full" });
  const { rowCount } = await bed.admin.query("select from execution_keys where key = 'other'");
  assert.equal(rowCount, 0, "the refused key can be used again");
  assert.equal((await send("first")).id, first.id);
  const other = await addSubmitter();
  await submitter.submit(other.person, { workflowId: other.workflowId, input: null });
  assert.equal(await count(), LIMIT);
});

test("a batch fits whole or not at all", async () => {
  const { person, many, count } = await addSubmitter();
  await submitter.submitMany(person, many(15));
  await assert.rejects(submitter.submitMany(person, many(6)), { code: "queue_full" });
  assert.equal(await count(), 15);
  await submitter.submitMany(person, many(5));
  assert.equal(await count(), LIMIT);
});

test("200 at once through two processes, together with others': exactly as many as fit", async () => {
  const full = await addSubmitter();
  const other = await addSubmitter();
  const answers = await Promise.allSettled(
    Array.from({ length: 200 }, (_, n) =>
      (n % 2 ? submitter : second).submit(full.person, { workflowId: full.workflowId, input: n }),
    ).concat(
      Array.from({ length: 10 }, () =>
        submitter.submit(other.person, { workflowId: other.workflowId, input: 0 }),
      ),
    ),
  );
  assert.equal(await full.count(), LIMIT);
  assert.equal(await other.count(), 10);
  const refused = answers.filter((answer) => answer.status === "rejected");
  assert.deepEqual([...new Set(refused.map(({ reason }) => reason.code))], ["queue_full"]);
  assert.equal(refused.length, 200 - LIMIT);
});

test("batches through two processes at once: never more than fit, and one that fits is not refused", async () => {
  for (let round = 0; round < 10; round++) {
    const { person, many, count } = await addSubmitter();
    const batches = [submitter, second, submitter, second].map((one) => one.submitMany(person, many(15)));
    const answers = await Promise.allSettled(batches);
    assert.equal(answers.filter((answer) => answer.status === "fulfilled").length, 1);
    assert.equal(await count(), 15);
  }
});

test("once some have run there is room again", async () => {
  const { person, workflowId, many } = await addSubmitter();
  await submitter.submitMany(person, many(LIMIT));
  await assert.rejects(submitter.submitMany(person, many(1)), { code: "queue_full" });
  await bed.admin.query(
    "update workflow_executions set status = 'succeeded', finished_at = now() where workflow_id = $1",
    [workflowId],
  );
  for (;;) {
    const answer = await submitter.submitMany(person, many(1)).catch((error: { code: string }) => error.code);
    if (answer !== "queue_full") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

test("what its owner says of a workspace's queue counts instead, shorter or longer, and is heard when it changes", async () => {
  const setDepth = (workspaceId: string, depth: number | null) =>
    bed.admin.query("update workspaces set max_queued = $2 where id = $1", [workspaceId, depth]);
  const [short, long] = [await addSubmitter(), await addSubmitter()];
  await setDepth(short.person.workspaceId, 5);
  await setDepth(long.person.workspaceId, LIMIT + 10);
  await submitter.submitMany(long.person, long.many(LIMIT + 10));
  await assert.rejects(submitter.submitMany(long.person, long.many(1)), { code: "queue_full" });
  await submitter.submitMany(short.person, short.many(5));
  await assert.rejects(submitter.submitMany(short.person, short.many(1)), { code: "queue_full" });
  await setDepth(short.person.workspaceId, null);
  for (;;) {
    const { person, many } = short;
    const answer = await submitter
      .submitMany(person, many(15))
      .catch((error: { code: string }) => error.code);
    if (answer !== "queue_full") break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(await short.count(), LIMIT);
});

test("a stranger who names a workflow of others leaves what is known of their queue as it is", async () => {
  // Near enough to its depth to be counted each time, too far to be full.
  const guard = createBacklogGuard(2_010);
  const { person, workflowId, many } = await addSubmitter();
  await submitter.submitMany(person, many(15));
  const stranger = await bed.addPerson();
  const api = bed.open("atelier_api");
  const look = (by: typeof person) =>
    api.transaction(principalsOf(by), (tx) => guard.look(tx, [toRow(by, { workflowId, input: null }, {})]));
  const room = [{ workspaceId: person.workspaceId, room: 2_010 - 15 }];
  assert.deepEqual((await look(person)).rooms, room);
  assert.deepEqual((await look(stranger)).rooms, []);
  assert.deepEqual((await look(person)).rooms, room);
});
