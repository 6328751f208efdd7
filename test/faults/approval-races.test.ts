// Many who decide at once, and decisions against cancels and deadlines: one end each, the same in every row and the log.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ApprovalBed, createApprovalBed } from "../support/approval-bed.ts";
import type { Person } from "../support/client.ts";
import type { Row } from "../support/executions.ts";
import { joinAs } from "../support/team.ts";

const ROUNDS = 50;
let on: ApprovalBed;
let people: Person[];

before(async () => {
  on = await createApprovalBed();
  const { owner, workspaceId } = on.team;
  people = [];
  for (let n = 0; n < 20; n++) people.push(await joinAs(on.api, owner, workspaceId, "operator"));
});
after(() => on?.close());

/** 200 with the status, or the code of the refusal. */
const decide = async (person: Person, id: string, decision = "approve") => {
  const { status, body } = await on.decide(person, id, { decision });
  return status === 200 ? (body.status as string) : `${status} ${body.code}`;
};
const tally = (words: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
};

/** What every race must leave: one end, the same in the approval, its step, its execution and the log. */
async function holdTogether(executionId: string): Promise<Row> {
  const { rows } = await on.bed.admin.query("select * from approvals where execution_id = $1", [executionId]);
  const [approval] = rows as [Row];
  const step = (await on.bed.steps(executionId)).findLast((row) => row.node_id === "ask") as Row;
  const execution = await on.bed.execution(executionId);
  const entries = await on.audit(approval.id as string);
  assert.equal(rows.length, 1);
  const decisions = approval.decisions as Row[];
  assert.deepEqual(
    entries.filter((entry) => entry.action === "approval.decided").map((entry) => entry.actor_id),
    decisions.map((decision) => decision.userId),
  );
  const expiries = entries.filter((entry) => entry.action === "approval.expired").length;
  const last = entries.findLast((entry) => entry.action === "approval.decided")?.details.outcome;
  const { status } = approval;
  assert.equal(expiries, status === "expired" ? 1 : 0);
  if (status === "approved" || status === "rejected") assert.equal(last, status);
  else assert.ok(last === undefined || last === "pending", `${status} after ${last}`);
  if (execution.status === "succeeded") {
    assert.deepEqual([step.status, step.port], ["succeeded", status]);
    assert.deepEqual((step.output as Row).decisions, decisions);
  } else {
    assert.equal(execution.status, "cancelled");
    assert.notEqual(status, "pending");
  }
  return approval;
}

test("of 20 people who decide at once three approve, and it ends once", async (t) => {
  for (let round = 0; round < 5; round++) {
    const { executionId, id } = await on.ask({ quorum: 3 });
    const stop = on.keepRunning();
    const words = await Promise.all(people.map((person) => decide(person, id)));
    await stop();
    await on.settle();
    assert.deepEqual(tally(words), { pending: 2, approved: 1, "409 approval_decided": 17 });
    const approval = await holdTogether(executionId);
    assert.equal((approval.decisions as Row[]).length, 3);
    assert.equal((await on.bed.execution(executionId)).status, "succeeded");
  }
  const { executionId, id } = await on.ask({ quorum: 20 });
  const both = people.flatMap((person) => [decide(person, id), decide(person, id)]);
  const words = tally(await Promise.all(both));
  assert.deepEqual(words, { pending: 19, approved: 1, "409 already_decided": 20 });
  const ends: string[] = [];
  for (let round = 0; round < 5; round++) {
    const mixed = await on.ask({ quorum: 5 });
    const said = people.map((person, n) => decide(person, mixed.id, n % 5 === round ? "reject" : "approve"));
    await Promise.all(said);
    await on.settle();
    ends.push((await holdTogether(mixed.executionId)).status as string);
  }
  t.diagnostic(JSON.stringify(tally(ends)));
  await on.settle();
  await holdTogether(executionId);
});

test("a decision and a cancel at once: either wins, none of both is half done", async (t) => {
  const asked = await Promise.all(Array.from({ length: ROUNDS }, () => on.submit({})));
  await on.settle();
  const ends: string[] = [];
  const stop = on.keepRunning();
  for (const [n, executionId] of asked.entries()) {
    const { rows } = await on.bed.admin.query("select id from approvals where execution_id = $1", [
      executionId,
    ]);
    const cancel = async () => {
      const { token } = on.team.owner;
      return (await on.api.request("POST", `/api/executions/${executionId}/cancel`, { token })).status;
    };
    const decision = () => decide(people[n % 20] as Person, rows[0].id);
    // The decision has further to go before its lock.
    const [word, status] = await Promise.all([
      delay(n % 8).then(decision),
      n % 2 === 0 ? cancel() : delay(n % 10).then(cancel),
    ]);
    assert.ok(["approved", "409 approval_cancelled"].includes(word), word);
    assert.ok([202, 409].includes(status), String(status));
    ends.push(`${word}, ${status}`);
  }
  await stop();
  await on.settle();
  for (const [n, executionId] of asked.entries()) {
    const { status } = await holdTogether(executionId);
    assert.equal(status, ends[n]?.startsWith("approved") ? "approved" : "cancelled");
  }
  t.diagnostic(JSON.stringify(tally(ends)));
});

test("a decision and the deadline at once, also while another branch runs: what was accepted is what happens", async (t) => {
  on.behaviours.slow = () => delay(2_500);
  const ask = { type: "flow.approval", config: { message: "Well?", deadlineMs: 2_000 } };
  const started = Array.from({ length: ROUNDS }, (_, n) =>
    n % 2 === 0
      ? on.submit({ deadlineMs: 2_000 })
      : on.start("start>ask ask:approved>yes start>slow", { ask }),
  );
  const asked = await Promise.all(started);
  const stop = on.keepRunning();
  const words = await Promise.all(
    asked.map(async (executionId, n) => {
      let row: Row | undefined;
      while (!row) {
        const text = "select id, deadline from approvals where execution_id = $1";
        row = (await on.bed.admin.query(text, [executionId])).rows[0];
        if (!row) await delay(10);
      }
      const left = (row.deadline as Date).getTime() - Date.now();
      await delay(Math.max(left - 450 + (n % 10) * 50, 0));
      return decide(people[n % 20] as Person, row.id as string);
    }),
  );
  for (const executionId of asked) {
    while (!["succeeded", "failed"].includes((await on.bed.execution(executionId)).status as string))
      await delay(20);
  }
  await stop();
  for (const [n, executionId] of asked.entries()) {
    const { status } = await holdTogether(executionId);
    assert.equal(status === "approved" ? "approved" : "409 approval_expired", words[n]);
  }
  t.diagnostic(JSON.stringify(tally(words)));
});

test("after all of it the workspace's chain verifies", async () => {
  const path = `/api/audit-logs/verify?workspaceId=${on.team.workspaceId}`;
  const { body } = await on.api.request("GET", path, on.team.owner);
  assert.equal(body.ok, true, JSON.stringify(body));
});
