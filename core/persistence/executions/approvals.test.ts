// The rows of approvals: who holds them at the deadline, and what nobody may change.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import { lockApproval, settleApproval, writeDecision } from "./approvals.ts";

let bed: ExecutionBed;
let person: { userId: string; workspaceId: string };

before(async () => {
  bed = await createExecutionBed();
  person = await bed.addPerson();
});
after(() => bed?.close());

async function addApproval(deadlineMs: number | null): Promise<string> {
  const id = uuidv7();
  await bed.admin.query(
    `insert into approvals (id, workspace_id, execution_id, node_id, message, deadline)
     values ($1, $2, $3, 'ask', 'Pay?', now() + make_interval(secs => $4::float8 / 1000))`,
    [id, person.workspaceId, uuidv7(), deadlineMs],
  );
  return id;
}
const signer = () => ({ userId: person.userId, always: ["owner"], named: ["owner"] });
const saying = () => ({
  decision: {
    userId: person.userId,
    decision: "approve",
    comment: null,
    at: new Date().toISOString(),
  } as const,
  status: "approved" as const,
});

test("who holds the row before the deadline decides, also when a worker asks after it", async () => {
  const id = await addApproval(1_000);
  const worker = bed.open("atelier_worker");
  const principals = { userId: person.userId, workspaceIds: [person.workspaceId] };
  let asked: ReturnType<typeof settleApproval> | undefined;
  await bed.open("atelier_api").transaction(principals, async (tx) => {
    const locked = await lockApproval(tx, id, signer());
    assert.deepEqual([locked?.isOver, locked?.isEntitled, locked?.hasDecided], [false, true, false]);
    await delay(1_100);
    asked = settleApproval(worker, id);
    // Time for an answer that does not wait for this lock.
    await Promise.race([asked, delay(300)]);
    await writeDecision(tx, id, saying());
  });
  assert.equal((await asked)?.decision, "approved");
});

test("before its deadline nothing is settled, after it for good; without one never", async () => {
  const worker = bed.open("atelier_worker");
  const [ever, soon] = [await addApproval(null), await addApproval(60_000)];
  assert.equal(await settleApproval(worker, ever), null);
  assert.equal(await settleApproval(worker, soon), null);
  assert.deepEqual(await settleApproval(worker, await addApproval(-1)), {
    decision: "expired",
    decisions: [],
  });
});

test("what was asked and what was said cannot be changed, not even past every policy", async () => {
  const id = await addApproval(null);
  const { admin } = bed;
  const change = (set: string) => admin.query(`update approvals set ${set} where id = $1`, [id]);
  for (const set of [
    "message = 'Pay more?'",
    "quorum = 9",
    "approvers = '{a@b.c}'",
    "deadline = now()",
    "attempt = 2",
  ])
    await assert.rejects(change(set), /stays as it is/, set);
  await change(`decisions = '[{"userId": "a"}]'`);
  await change(`decisions = decisions || '[{"userId": "b"}]'`);
  for (const set of [
    "decisions = '[]'",
    "decisions = decisions - 0",
    `decisions = '[{"userId": "c"}]' || decisions`,
  ])
    await assert.rejects(change(set), /stays as it is/, set);
  await change("status = 'rejected', decided_at = now()");
  for (const set of ["status = 'approved'", "status = 'pending'", "decisions = '[1]'"])
    await assert.rejects(change(set), /stays as it is/, set);
  const insert = bed
    .open("atelier_api")
    .transaction({ workspaceIds: [person.workspaceId] }, (tx) =>
      tx.run({ text: `delete from approvals where id = '${id}'`, values: [] }),
    );
  await assert.rejects(insert, /permission denied/);
});
