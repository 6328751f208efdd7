// Approvals by HTTP: who is asked, who may decide, what their word does and what the log says of it.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { startTestApi } from "../../test/support/api.ts";
import { type ApprovalBed, createApprovalBed } from "../../test/support/approval-bed.ts";
import type { Person } from "../../test/support/client.ts";
import { joinAs } from "../../test/support/team.ts";

const NOBODY = "0190a000-0000-7000-8000-000000000009";
let on: ApprovalBed;

before(async () => {
  on = await createApprovalBed();
});
after(() => on?.close());

const codeOf = async (person: Person, id: string, body?: Record<string, unknown>) => {
  const reply = await on.decide(person, id, body);
  return reply.status === 200 ? reply.body.status : `${reply.status} ${reply.body.code}`;
};
const join = (role: "viewer" | "operator") => joinAs(on.api, on.team.owner, on.team.workspaceId, role);

test("asks whoever may run executions; the decision is the node's output, and in the audit log", async () => {
  const { team } = on;
  const { executionId, id } = await on.ask({ deadlineMs: 3_600_000 });
  const [item] = await on.list(team.operator, "status=pending");
  const { createdAt, deadline, workflowId, salt, ...shown } = item ?? ({} as Record<string, unknown>);
  assert.deepEqual(shown, {
    ...{ id, executionId, workspaceId: team.workspaceId, workflowName: "test", nodeId: "ask", iteration: "" },
    ...{ attempt: 1, status: "pending", message: "Pay 1?", approvers: [], quorum: 1, decisions: [] },
    ...{ mayDecide: true, decidedAt: null },
  });
  assert.ok(Math.abs(Date.parse(deadline as string) - Date.parse(createdAt as string) - 3_600_000) < 60_000);
  const waiting = await on.api.request("GET", `/api/executions/${executionId}`, team.viewer);
  assert.deepEqual(waiting.body.pendingApprovals, [{ id, nodeId: "ask", iteration: "" }]);
  assert.equal(await codeOf(team.viewer, id), "403 forbidden");
  assert.equal(await codeOf(team.auditor, id), "403 forbidden");
  assert.equal(await codeOf(team.stranger, id), "404 not_found");
  assert.equal((await on.list(team.viewer, `executionId=${executionId}`))[0]?.mayDecide, false);

  const reply = await on.decide(team.operator, id, { decision: "approve", comment: " fine by me " });
  assert.deepEqual(reply.body, { id, status: "approved", approvals: 1, quorum: 1 });
  await on.settle();
  const ended = await on.bed.execution(executionId);
  assert.equal(ended.status, "succeeded");
  const step = (await on.bed.steps(executionId)).find((row) => row.node_id === "ask");
  const output = step?.output as { message: string; decisions: [Record<string, unknown>] };
  const { at, ...said } = output.decisions[0];
  assert.deepEqual(said, { userId: team.operator.userId, decision: "approve", comment: "fine by me" });
  assert.ok(Date.parse(at as string) > 0);
  assert.deepEqual([step?.port, output.message], ["approved", "Pay 1?"]);
  assert.deepEqual(await ranAfter(executionId), ["approved"]);
  const after = await on.api.request("GET", `/api/executions/${executionId}`, team.viewer);
  assert.deepEqual(after.body.pendingApprovals, []);
  const [entry, ...more] = await on.audit(id);
  assert.deepEqual(more, []);
  assert.deepEqual([entry?.action, entry?.actor_id], ["approval.decided", team.operator.userId]);
  assert.deepEqual(entry?.details, {
    ...{ executionId, nodeId: "ask", iteration: "", attempt: 1, quorum: 1 },
    ...{ decision: "approve", outcome: "approved" },
    messageHmac: createHmac("sha256", salt as string)
      .update("Pay 1?")
      .digest("hex"),
    commentHmac: createHmac("sha256", salt as string)
      .update("fine by me")
      .digest("hex"),
  });
});

/** Which of the ports' nodes ran. */
async function ranAfter(executionId: string): Promise<unknown[]> {
  const steps = await on.bed.steps(executionId);
  return steps.map((row) => row.node_id).filter((id) => id !== "start" && id !== "ask");
}

test("a quorum needs as many different people; nobody decides twice, and an end is one for good", async () => {
  const { team } = on;
  const { executionId, id } = await on.ask({ quorum: 2 });
  assert.equal(await codeOf(team.owner, id), "pending");
  assert.equal(await codeOf(team.owner, id), "409 already_decided");
  assert.equal(await codeOf(team.owner, id, { decision: "reject" }), "409 already_decided");
  await on.settle();
  assert.equal((await on.bed.execution(executionId)).status, "waiting");
  const [item] = await on.list(team.owner, `executionId=${executionId}`);
  assert.equal(item?.mayDecide, false);
  assert.deepEqual(
    item?.decisions.map(({ email, decision }) => [email, decision]),
    [[team.owner.email, "approve"]],
  );
  assert.equal(await codeOf(team.editor, id), "approved");
  assert.equal(await codeOf(team.operator, id), "409 approval_decided");
  await on.settle();
  assert.deepEqual(await ranAfter(executionId), ["approved"]);
  assert.deepEqual(
    (await on.audit(id)).map((entry) => entry.details.outcome),
    ["pending", "approved"],
  );
});

test("the first rejection ends it, whatever has been approved", async () => {
  const { executionId, id } = await on.ask({ quorum: 3 });
  assert.equal(await codeOf(on.team.owner, id), "pending");
  assert.equal(await codeOf(on.team.editor, id, { decision: "reject", comment: "too much" }), "rejected");
  await on.settle();
  assert.deepEqual(await ranAfter(executionId), ["rejected"]);
  assert.equal(await codeOf(on.team.operator, id), "409 approval_decided");
});

test("who is named by role or address may decide, a viewer too, and nobody else does", async () => {
  const { team } = on;
  const byRole = await on.ask({ approvers: ["role:viewer"] });
  for (const person of [team.owner, team.operator])
    assert.equal(await codeOf(person, byRole.id), "403 forbidden");
  assert.equal(await codeOf(team.viewer, byRole.id), "approved");
  const doctor = await join("viewer");
  const byAddress = await on.ask({ approvers: [doctor.email.toUpperCase(), team.auditor.email] });
  assert.equal(await codeOf(team.viewer, byAddress.id), "403 forbidden");
  assert.equal(await codeOf(team.auditor, byAddress.id), "403 forbidden");
  assert.deepEqual(
    (await on.list(doctor, "mine=true")).map((item) => item.id),
    [byAddress.id],
  );
  assert.deepEqual(await on.list(team.viewer, "mine=true"), []);
  assert.equal(await codeOf(doctor, byAddress.id), "approved");
  assert.deepEqual(await on.list(doctor, "mine=true"), []);
});

test("S82: where it says so, the person in whose name it runs cannot approve", async () => {
  const { executionId, id } = await on.ask({ excludeRequester: true });
  assert.equal(await codeOf(on.team.owner, id), "403 forbidden");
  assert.equal((await on.list(on.team.owner, `executionId=${executionId}`))[0]?.mayDecide, false);
  assert.equal(await codeOf(on.team.operator, id), "approved");
});

test("a member who was removed, disabled or made a viewer decides nothing more, though their api has not heard of it", async (t) => {
  const deaf = await startTestApi(on.bed.databaseUrl, { actorCacheMs: 60_000 });
  t.after(() => deaf.close());
  const { admin } = on.bed;
  const changes = [
    "delete from workspace_members where user_id = $1 and workspace_id = $2",
    "update users set disabled_at = now() where id = $1 and $2::uuid is not null",
    "update workspace_members set role = 'viewer' where user_id = $1 and workspace_id = $2",
    "update workspace_members set expires_at = now() where user_id = $1 and workspace_id = $2",
  ];
  const { id } = await on.ask();
  for (const change of changes) {
    const person = await join("operator");
    assert.equal((await deaf.request("GET", "/auth/me", person)).status, 200);
    await admin.query(change, [person.userId, on.team.workspaceId]);
    const { token } = person;
    const reply = await deaf.request("POST", `/api/approvals/${id}`, {
      token,
      body: { decision: "approve" },
    });
    assert.deepEqual([reply.status, reply.body.code], [403, "forbidden"], change);
  }
  assert.equal((await on.row(id)).status, "pending");
});

test("A11: lists and decisions stop at the workspace; what is not there is not found", async () => {
  const { team } = on;
  const { executionId, id } = await on.ask();
  for (const query of [
    `executionId=${executionId}`,
    `workspaceId=${team.workspaceId}`,
    `executionId=${NOBODY}`,
  ]) {
    const reply = await on.api.request("GET", `/api/approvals?${query}`, team.stranger);
    assert.equal(reply.status, 404, query);
  }
  assert.deepEqual(await on.list(team.stranger), []);
  assert.equal(
    (await on.api.request("GET", `/api/approvals?workspaceId=${team.workspaceId}`, team.auditor)).status,
    403,
  );
  assert.deepEqual(await on.list(team.auditor), []);
  assert.equal(await codeOf(team.owner, NOBODY), "404 not_found");
  for (const body of [
    {},
    { decision: "yes" },
    { decision: "approve", more: 1 },
    { decision: "approve", comment: "x".repeat(2_001) },
  ])
    assert.equal((await on.decide(team.owner, id, body)).status, 400, JSON.stringify(body).slice(0, 80));
  assert.equal((await on.row(id)).status, "pending");
});

test("pages are complete, newest first", async () => {
  const made = [];
  for (let n = 0; n < 5; n++) made.push((await on.ask({ approvers: [on.team.editor.email] })).id);
  const found: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const query: string = `mine=true&limit=2&workspaceId=${on.team.workspaceId}${cursor && `&cursor=${cursor}`}`;
    type Page = { items: { id: string }[]; nextCursor: string | null };
    const page: { body: Page } = await on.api.request<Page>("GET", `/api/approvals?${query}`, on.team.editor);
    found.push(...page.body.items.map((item) => item.id));
    cursor = page.body.nextCursor;
  }
  assert.deepEqual(found.slice(0, 5), made.toReversed());
  assert.equal(new Set(found).size, found.length);
});

test("a key signs with the scope approve and no other, and its entry names it", async () => {
  const { id } = await on.ask({ quorum: 2 });
  const keyFor = async (...scopes: string[]) => {
    const body = { name: "k", scopes };
    return (
      await on.api.request<{ id: string; key: string }>("POST", "/auth/api-keys", {
        token: on.team.editor.token,
        body,
      })
    ).body;
  };
  const runs = await keyFor("read", "run", "write", "admin");
  assert.equal((await on.decide({ token: runs.key }, id)).body.code, "scope_missing");
  assert.deepEqual(await on.list({ token: runs.key }, "mine=true"), []);
  const signs = await keyFor("read", "approve");
  assert.ok((await on.list({ token: signs.key }, "mine=true")).some((item) => item.id === id));
  assert.equal((await on.decide({ token: signs.key }, id)).body.status, "pending");
  const [entry] = await on.audit(id);
  assert.deepEqual([entry?.actor_id, entry?.details.apiKeyId], [on.team.editor.userId, signs.id]);
});

test("S70: who is in by emergency looks on, and signs nothing", async () => {
  const visitor = await join("operator");
  await on.bed.admin.query(
    `update workspace_members set emergency_reason = 'Nobody answers', expires_at = now() + interval '1 hour'
     where user_id = $1 and workspace_id = $2`,
    [visitor.userId, on.team.workspaceId],
  );
  for (const approvers of [[], ["role:operator"], [visitor.email]]) {
    const { executionId, id } = await on.ask({ approvers });
    assert.equal((await on.list(visitor, `executionId=${executionId}`))[0]?.mayDecide, false);
    assert.equal(await codeOf(visitor, id), "403 forbidden");
  }
  assert.deepEqual(await on.list(visitor, "mine=true"), []);
});

test("an execution that is being cancelled takes no further word", async () => {
  const { executionId, id } = await on.ask();
  await on.bed.admin.query("update workflow_executions set cancel_requested_at = now() where id = $1", [
    executionId,
  ]);
  assert.equal(await codeOf(on.team.owner, id), "409 approval_cancelled");
  assert.deepEqual((await on.row(id)).decisions, []);
});

test("excludeRequester excludes everybody in whose name it has run, however it was started again", async () => {
  const { team } = on;
  const { executionId } = await on.ask({ excludeRequester: true });
  const call = async (path: string, token: string, body?: object) => {
    const reply = await on.api.request<{ id: string }>("POST", path, { token, body });
    assert.equal(reply.status, 202, reply.text);
    return reply.body.id;
  };
  await call(`/api/executions/${executionId}/cancel`, team.owner.token);
  const retried = await call(`/api/executions/${executionId}/retry`, team.operator.token);
  await on.settle();
  await call(`/api/executions/${retried}/cancel`, team.owner.token);
  const forked = await call(`/api/executions/${retried}/fork`, team.editor.token, { fromNode: "ask" });
  await on.settle();
  const [item] = await on.list(team.owner, `executionId=${forked}`);
  for (const person of [team.owner, team.operator, team.editor]) {
    assert.equal(await codeOf(person, item?.id as string), "403 forbidden");
  }
  assert.equal(await codeOf(await join("operator"), item?.id as string), "approved");
});

test("excludeRequester excludes them also when what it was started from has expired", async () => {
  const { team, bed } = on;
  const { executionId } = await on.ask({ excludeRequester: true });
  const call = async (path: string, token: string, body?: object) => {
    const reply = await on.api.request<{ id: string }>("POST", path, { token, body });
    assert.equal(reply.status, 202, reply.text);
    return reply.body.id;
  };
  const origins = [executionId];
  await call(`/api/executions/${executionId}/cancel`, team.owner.token);
  origins.push(await call(`/api/executions/${executionId}/retry`, team.operator.token));
  await on.settle();
  await call(`/api/executions/${origins[1]}/cancel`, team.owner.token);
  const expire = (id: unknown) => bed.admin.query("delete from workflow_executions where id = $1", [id]);
  await expire(origins[0]);
  const forked = await call(`/api/executions/${origins[1]}/fork`, team.editor.token, { fromNode: "ask" });
  await expire(origins[1]);
  await on.settle();
  const [item] = await on.list(team.owner, `executionId=${forked}`);
  for (const person of [team.owner, team.operator, team.editor])
    assert.equal(await codeOf(person, item?.id as string), "403 forbidden");
  assert.equal(await codeOf(await join("operator"), item?.id as string), "approved");
});

test("S43: an erased person is named nowhere: not among those asked, nor among those who decided", async () => {
  const { team } = on;
  const gone = await join("operator");
  const decided = await on.ask({ quorum: 2 });
  assert.equal(await codeOf(gone, decided.id), "pending");
  const pending = await on.ask({ approvers: [gone.email, team.editor.email] });
  const body = { userId: gone.userId, confirm: gone.email };
  const path = `/api/workspaces/${team.workspaceId}/erase`;
  const reply = await on.api.request("POST", path, { token: team.owner.token, body });
  assert.equal(reply.status, 200, reply.text);
  const { rows } = await on.bed.admin.query(
    `select a.id from approvals a where a::text like '%' || $1 || '%'
     union all select execution_id from execution_steps s where s::text like '%' || $1 || '%'`,
    [gone.email],
  );
  assert.deepEqual(rows, []);
  assert.equal(await codeOf(gone, pending.id), "404 not_found");
  const [item] = await on.list(team.owner, `executionId=${decided.executionId}`);
  assert.deepEqual(
    item?.decisions.map(({ userId, email }) => [userId, email]),
    [[gone.userId, null]],
  );
  assert.equal(await codeOf(team.owner, decided.id), "approved", "what was said before stays");
  assert.equal(await codeOf(team.editor, pending.id), "approved");
});
