// Who sees which audit chain: over HTTP, and in row-level security itself.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { WorkspaceRole } from "#core/domain/roles.ts";
import { appendAudit, INSTANCE_CHAIN } from "#core/persistence/audit/audit-logs.ts";
import { sql } from "#core/persistence/sql.ts";
import { createAuditLogService } from "#core/services/audit/audit-logs.ts";
import { createAuditLogRoutes } from "../../api/routes/audit-logs.ts";
import { type RouteServer, startRouteServer } from "../support/route-server.ts";

type Item = {
  id: string;
  action: string;
  targetId: string;
  actorName: string | null;
  actorEmail: string | null;
};
type Page = { items: Item[]; nextCursor: string | null; code?: string };
type Person = Awaited<ReturnType<RouteServer["addPerson"]>>;

let server: RouteServer;
let ann: Person;
let bob: Person;
let root: Person;

const entry = (chainId: string, actorId: string | null, targetId: string, details: unknown = {}) => ({
  chainId,
  actorId,
  action: "workflow.created",
  targetType: "workflow",
  targetId,
  details,
});

before(async () => {
  server = await startRouteServer((database) =>
    createAuditLogRoutes({ auditLogs: createAuditLogService({ database }) }),
  );
  [ann, bob] = [await server.addPerson("ann"), await server.addPerson("bob")];
  const admin = await server.addPerson("root");
  await server.admin.query("update users set is_admin = true where id = $1", [admin.userId]);
  Object.assign(admin, { isAdmin: true });
  root = admin;
  await server.database.transaction({ workspaceIds: [] }, (tx) =>
    appendAudit(tx, [
      entry(ann.workspaceId, ann.userId, "of-ann", { word: "tangerine" }),
      entry(ann.workspaceId, bob.userId, "by-bob-at-ann"),
      entry(bob.workspaceId, bob.userId, "of-bob", { word: "tangerine" }),
      entry(INSTANCE_CHAIN, ann.userId, "of-all", { word: "tangerine" }),
    ]),
  );
});
after(() => server?.close());

const list = (person: Person, query = "") => server.call<Page>(person, "GET", `/api/audit-logs${query}`);
const targets = ({ body }: { body: Page }) => body.items.map((item) => item.targetId);

test("A10: a foreign workspace's log answers 404 in every form, and its words are found by nobody else", async () => {
  for (const path of ["", "/export"]) {
    const query = `?workspaceId=${bob.workspaceId}`;
    const answer = await server.call<Page>(ann, "GET", `/api/audit-logs${path}${query}`);
    assert.deepEqual([answer.status, answer.body.code], [404, "not_found"], path);
    const missing = await server.call<Page>(ann, "GET", `/api/audit-logs${path}?workspaceId=${randomUUID()}`);
    assert.equal(missing.status, 404);
  }
  assert.deepEqual(targets(await list(ann, "?q=tangerine")), ["of-ann"]);
});

test("A22: owner and auditor read the log, the other roles are told 403", async () => {
  const workspace = await server.addPerson("workspace");
  const expected: Record<WorkspaceRole, number> = {
    owner: 200,
    auditor: 200,
    editor: 403,
    operator: 403,
    viewer: 403,
  };
  for (const [role, status] of Object.entries(expected)) {
    const member = await server.addPerson(`member-${role}`);
    await server.addMember(member, workspace.workspaceId, role as WorkspaceRole);
    assert.equal((await list(member, `?workspaceId=${workspace.workspaceId}`)).status, status, role);
  }
});

test("A27: without a workspace it is the personal one, never more, whatever else is left out", async () => {
  const carl = await server.addPerson("carl");
  await server.addMember(carl, ann.workspaceId, "auditor");
  await server.database.transaction({ workspaceIds: [] }, (tx) =>
    appendAudit(tx, [entry(carl.workspaceId, carl.userId, "of-carl", { word: "tangerine" })]),
  );
  for (const query of [
    "",
    "?q=tangerine",
    "?targetType=workflow",
    "?limit=200",
    "?from=1970-01-01T00:00:00Z",
  ]) {
    assert.deepEqual(targets(await list(carl, query)), ["of-carl"], query);
  }
  const exported = await fetch(`${server.url}/api/audit-logs/export`, {
    headers: { authorization: `Bearer ${carl.userId}` },
  });
  assert.deepEqual(
    (await exported.text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).targetId),
    ["of-carl"],
  );
});

test("A22: the instance's chain is for administrators, who see no workspace they are not in", async () => {
  assert.equal((await list(ann, "?chain=instance")).status, 403);
  assert.equal((await list(ann, `?workspaceId=${INSTANCE_CHAIN}`)).status, 404);
  assert.deepEqual(targets(await list(root, "?chain=instance&q=tangerine")), ["of-all"]);
  assert.deepEqual(targets(await list(root, "?chain=instance")), ["of-all"]);
  assert.equal((await list(root, `?workspaceId=${ann.workspaceId}`)).status, 404);
  assert.equal((await list(root, `?chain=instance&workspaceId=${root.workspaceId}`)).status, 400);
});

test("the policies alone keep the chains apart: rows, and the search that runs past them", async () => {
  const seen = async (principals: { userId?: string; workspaceIds: string[] }) => {
    const rows = await server.database.transaction(principals, (tx) =>
      tx.many<{ target: string }>(sql`select target_id as target from audit_logs order by 1`),
    );
    return rows.map((row) => row.target);
  };
  assert.deepEqual(await seen({ userId: ann.userId, workspaceIds: [] }), []);
  assert.deepEqual(await seen({ userId: ann.userId, workspaceIds: [bob.workspaceId] }), ["of-bob"]);
  assert.deepEqual(await seen({ userId: root.userId, workspaceIds: [] }), ["of-all"]);

  const find = async (userId: string, workspaceIds: string[], chainId: string) => {
    const word = `'${chainId.slice(-6)}tangerine'`;
    const rows = await server.database.transaction({ userId, workspaceIds }, (tx) =>
      tx.many(sql`select seq from identity_find_audit_words(${chainId}, ${word}::tsquery, null, null, null, null, null,
        null, null, 10)`),
    );
    return rows.length;
  };
  assert.equal(await find(ann.userId, [ann.workspaceId], ann.workspaceId), 1);
  assert.equal(await find(ann.userId, [ann.workspaceId], bob.workspaceId), 0);
  assert.equal(await find(ann.userId, [ann.workspaceId], INSTANCE_CHAIN), 0);
  assert.equal(await find(root.userId, [], INSTANCE_CHAIN), 1);
  await server.admin.query("update users set disabled_at = now() where id = $1", [root.userId]);
  assert.equal(await find(root.userId, [], INSTANCE_CHAIN), 0);
  assert.deepEqual(await seen({ userId: root.userId, workspaceIds: [] }), []);
  await server.admin.query("update users set disabled_at = null where id = $1", [root.userId]);
});

test("names and addresses are shown of members only", async () => {
  const { body } = await list(ann, "");
  const shown = Object.fromEntries(
    body.items.map((item) => [item.targetId, [item.actorName, item.actorEmail]]),
  );
  assert.deepEqual(shown["of-ann"], ["ann", "ann@example.com"]);
  assert.deepEqual(shown["by-bob-at-ann"], [null, null]);
});

test("an export ends where its reader lost the right to it, and names the key that asked", async () => {
  const eve = await server.addPerson("eve");
  const owner = await server.addPerson("owner");
  await server.addMember(eve, owner.workspaceId, "auditor");
  const entries = Array.from({ length: 1_500 }, () => entry(owner.workspaceId, null, "x"));
  await server.database.transaction({ workspaceIds: [] }, (tx) => appendAudit(tx, entries));
  const service = createAuditLogService({ database: server.database });
  const apiKey = { id: randomUUID(), scopes: ["read" as const] };
  const role = "auditor" as const;
  const actor = { ...eve, apiKey, memberships: [{ workspaceId: owner.workspaceId, role }] };
  const choice = { workspaceId: owner.workspaceId };
  const batches = (await service.export(actor, choice, {}, "csv"))[Symbol.asyncIterator]();
  assert.equal((await batches.next()).value?.length, 1_000);
  await server.admin.query(
    "update workspace_members set role = 'viewer' where user_id = $1 and workspace_id = $2",
    [eve.userId, owner.workspaceId],
  );
  await assert.rejects(batches.next(), { code: "forbidden" });
  const [newest] = await service.list(owner, choice, {}, { limit: 1 });
  assert.deepEqual(newest?.details, { apiKeyId: apiKey.id, format: "csv", filter: {} });
});
