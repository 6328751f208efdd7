// S70 (a)(2)(ii): an administrator breaks the glass: with a reason and a second proof, in sight of every owner, with an
// end of its own, and in no other way.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { lockWorkspace } from "#core/persistence/identity/workspaces.ts";
import { sql } from "#core/persistence/sql.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { codeOf, enableSecondFactor } from "../support/second-factor.ts";
import { type SmtpServer, startSmtpServer } from "../support/smtp-server.ts";
import { createTeam, createWorkspace, joinAs, type Team, tokenOf } from "../support/team.ts";
import { chain } from "../support/workflows.ts";

const REASON = "Ward 7 cannot reach anybody who owns this";
const INSTANCE = "00000000-0000-0000-0000-000000000000";

type Opened = {
  userId: string;
  role: string;
  since: string;
  until: string;
  ownersMailed: number;
  code: string;
};
type Listed = { userId: string; role: string; expiresAt: string | null; emergency: unknown };
type Entry = { chain: string; action: string; actor: string | null; details: Record<string, unknown> };

let testDatabase: TestDatabase;
let database: Database;
let smtp: SmtpServer;
let api: TestApi;
let root: Person;
let team: Team;
let second: Person;

before(async () => {
  testDatabase = await createTestDatabase();
  smtp = await startSmtpServer();
  database = createDatabase({
    databaseUrl: testDatabase.databaseUrl,
    role: "atelier_api",
    maxConnections: 2,
  });
  api = await startTestApi(testDatabase.databaseUrl, {
    environment: { SMTP_URL: smtp.url, MAIL_FROM: "atelier@example.com" },
  });
  root = await api.register();
  team = await createTeam(api);
  second = await joinAs(api, team.owner, team.workspaceId, "owner");
});
after(async () => {
  await Promise.all([api?.close(), database?.close(), smtp?.close()]);
  await testDatabase?.drop();
});

const query = <Row>(text: string, values: unknown[] = []) => asAdmin<Row>(testDatabase, text, values);
const pathOf = (workspaceId: string) => `/api/workspaces/${workspaceId}/emergency-access`;
const open = (
  { token }: Pick<Person, "token">,
  body: object = { password: PASSWORD },
  workspaceId = team.workspaceId,
) => api.request<Opened>("POST", pathOf(workspaceId), { token, body: { reason: REASON, ...body } });
const end = ({ token }: Pick<Person, "token">, workspaceId = team.workspaceId) =>
  api.request<{ ended: number; code: string }>("DELETE", pathOf(workspaceId), { token });
const list = async ({ token }: Person, workspaceId = team.workspaceId) =>
  (await api.request<{ items: Listed[] }>("GET", `/api/workspaces/${workspaceId}/members`, { token })).body
    .items;
const reads = async ({ token }: Pick<Person, "token">, workspaceId = team.workspaceId) =>
  (await api.request("GET", `/api/workflows?workspaceId=${workspaceId}`, { token })).status;
const entriesOf = (userId: string) =>
  query<Entry>(
    `select chain_id as chain, action, actor_id as actor, details from audit_logs
     where target_id = $1 and action like 'emergency.%' order by at, chain_id`,
    [userId],
  );

/** A fresh administrator, with no history of openings. */
async function addAdmin(): Promise<Person> {
  const person = await api.register();
  const made = await api.request("PATCH", `/api/admin/users/${person.userId}`, {
    token: root.token,
    body: { isAdmin: true },
  });
  assert.equal(made.status, 200, made.text);
  return person;
}

test("S70: an administrator lets themselves in with a reason and password, in sight of the owners and of both chains", async () => {
  const admin = await addAdmin();
  assert.equal(await reads(admin), 404);
  const opened = await open(admin, { password: PASSWORD, minutes: 30 });
  assert.equal(opened.status, 201, opened.text);
  const { since, until, role, ownersMailed } = opened.body;
  assert.equal(Date.parse(until) - Date.parse(since), 30 * 60_000);
  assert.deepEqual([role, ownersMailed], ["viewer", 2]);

  assert.equal(await reads(admin), 200);
  const keyBody = { name: "k", scopes: ["read", "admin"] };
  const key = await api.request<{ key: string }>("POST", "/auth/api-keys", {
    token: admin.token,
    body: keyBody,
  });
  assert.equal(await reads({ token: key.body.key }), 404, "none of their keys comes along");
  const body = { name: "w", graph: chain(), workspaceId: team.workspaceId };
  const made = await api.request("POST", "/api/workflows", { token: admin.token, body });
  assert.equal(made.status, 403, "a viewer looks");
  const listed = (await list(team.owner)).find(({ userId }) => userId === admin.userId);
  assert.deepEqual([listed?.role, listed?.expiresAt], ["viewer", until]);
  assert.deepEqual(listed?.emergency, { reason: REASON, since, until });

  const letters = smtp.messages.filter(
    ({ text }) => text.includes("emergency access") && text.includes(admin.email),
  );
  const told = letters.flatMap(({ recipients }) => recipients).toSorted();
  assert.deepEqual(told, [team.owner.email, second.email].toSorted(), "each owner, and nobody else");
  for (const { text } of letters) {
    const letter = text.replaceAll("=\r\n", "");
    for (const part of [REASON, "viewer", "Lab"]) assert.ok(letter.includes(part), `${part} in ${letter}`);
  }

  const entries = await entriesOf(admin.userId);
  assert.deepEqual(
    entries.map(({ chain: id, action, actor, details }) => [
      id,
      action,
      actor,
      details.reason,
      details.proof,
    ]),
    [INSTANCE, team.workspaceId].map((id) => [id, "emergency.opened", admin.userId, REASON, "password"]),
  );
  assert.equal(entries[0]?.details.workspaceId, team.workspaceId);
  for (const [token, which] of [
    [team.owner.token, `?workspaceId=${team.workspaceId}`],
    [root.token, ""],
  ]) {
    const verified = await api.request("GET", `/api/audit-logs/verify${which}`, { token });
    assert.equal(verified.body.ok, true, verified.text);
  }
});

test("S70: whatever they read there without a label is in the workspace's log, and what its members read is not", async () => {
  const admin = await addAdmin();
  const [token, workspaceId] = [team.editor.token, team.workspaceId];
  const body = { name: "w", graph: chain(), workspaceId };
  const { id: workflowId } = (await api.request<{ id: string }>("POST", "/api/workflows", { token, body }))
    .body;
  const path = `/api/workflows/${workflowId}/executions`;
  const { id } = (await api.request<{ id: string }>("POST", path, { token, body: { input: 7 } })).body;
  await open(admin);
  for (const reader of [admin, team.viewer]) {
    assert.equal((await api.request("GET", `/api/executions/${id}`, { token: reader.token })).status, 200);
  }
  const reads = await query<{ actor: string }>(
    "select actor_id as actor from audit_logs where chain_id = $1 and target_id = $2 and action = 'execution.read'",
    [workspaceId, id],
  );
  assert.deepEqual(reads, [{ actor: admin.userId }]);
  await end(admin);
});

test("S70: without reason, proof, right or need nothing opens, nobody is told and nothing is logged", async () => {
  const admin = await addAdmin();
  const scopes = ["read", "run", "write", "admin"];
  const keyBody = { name: "k", scopes };
  const made = await api.request<{ key: string }>("POST", "/auth/api-keys", {
    token: admin.token,
    body: keyBody,
  });
  const mails = smtp.messages.length;
  const password = PASSWORD;
  const refusals: [string, Promise<{ status: number; body: { code: string } }>, number, string][] = [
    ["wrong password", open(admin, { password: "wrong horse battery" }), 401, "invalid_credentials"],
    ["no proof", open(admin, {}), 403, "password_required"],
    ["a code of nobody's authenticator", open(admin, { totp: "000000" }), 403, "password_required"],
    ["no reason", open(admin, { password, reason: undefined }), 400, "invalid_request"],
    ["a short reason", open(admin, { password, reason: "  because  " }), 400, "invalid_request"],
    ["a long reason", open(admin, { password, reason: "x".repeat(501) }), 400, "invalid_request"],
    [
      "a reason with lines",
      open(admin, { password, reason: "x\r\nBcc: all@example.com" }),
      400,
      "invalid_request",
    ],
    ["too short", open(admin, { password, minutes: 4 }), 400, "invalid_request"],
    ["too long", open(admin, { password, minutes: 241 }), 400, "invalid_request"],
    ["owner", open(admin, { password, role: "owner" }), 400, "invalid_request"],
    ["auditor", open(admin, { password, role: "auditor" }), 400, "invalid_request"],
    ["an API key", open({ token: made.body.key }), 403, "forbidden"],
    ["no administrator", open(team.stranger), 403, "forbidden"],
    ["a member", open(team.editor), 403, "forbidden"],
    ["no such workspace", open(admin, { password }, admin.userId), 404, "not_found"],
    ["their own workspace", open(admin, { password }, admin.workspaceId), 409, "already_member"],
  ];
  for (const [what, asked, status, code] of refusals) {
    const reply = await asked;
    assert.deepEqual([what, reply.status, reply.body.code], [what, status, code]);
  }
  assert.equal(await reads(admin), 404);
  assert.equal(smtp.messages.length, mails);
  assert.deepEqual(await entriesOf(admin.userId), []);
  const call = sql`select outcome from identity_open_emergency(${team.workspaceId}, 'editor', 60, ${REASON}, 10)`;
  const verdict = await database.transaction({ userId: team.stranger.userId, workspaceIds: [] }, (tx) =>
    tx.one(call),
  );
  assert.deepEqual(verdict, { outcome: "forbidden" }, "the database asks again");
});

test("S70: an open access cannot be prolonged, widened, kept or handed on; each new one is an entry of its own", async () => {
  const admin = await addAdmin();
  const first = await open(admin);
  assert.equal(first.status, 201);
  const again = await open(admin, { password: PASSWORD, minutes: 240, role: "editor" });
  assert.deepEqual([again.status, again.body.code], [409, "already_member"]);
  const member = `/api/workspaces/${team.workspaceId}/members/${admin.userId}`;
  const token = team.owner.token;
  for (const body of [{ role: "editor" }, { expiresAt: null }, { role: "owner", expiresAt: null }]) {
    assert.equal((await api.request("PATCH", member, { token, body })).status, 409, JSON.stringify(body));
    assert.equal((await api.request("PATCH", member, { token: admin.token, body })).status, 403);
  }
  const transfer = `/api/workspaces/${team.workspaceId}/transfer`;
  assert.equal((await api.request("POST", transfer, { token, body: { userId: admin.userId } })).status, 409);
  const principals = { userId: team.owner.userId, workspaceIds: [team.workspaceId] };
  const hide = sql`update workspace_members set emergency_reason = null where user_id = ${admin.userId}`;
  await assert.rejects(
    database.transaction(principals, (tx) => tx.run(hide)),
    /permission denied/,
  );
  const own = sql`insert into workspace_members (workspace_id, user_id, role)
    values (${team.stranger.workspaceId}, ${admin.userId}, 'owner')`;
  const asAdmin = { userId: admin.userId, workspaceIds: [team.stranger.workspaceId] };
  await assert.rejects(
    database.transaction(asAdmin, (tx) => tx.run(own)),
    /row-level security/,
  );
  assert.equal(await reads(admin, team.stranger.workspaceId), 404, "one workspace, not another");
  const held = (await list(team.owner)).find(({ userId }) => userId === admin.userId);
  assert.deepEqual([held?.role, held?.expiresAt], ["viewer", first.body.until]);

  await query(
    "update workspace_members set expires_at = clock_timestamp() where user_id = $1 and emergency_reason is not null",
    [admin.userId],
  );
  assert.equal(await reads(admin), 404);
  assert.equal(
    (await list(team.owner)).some(({ userId }) => userId === admin.userId),
    false,
  );
  assert.equal((await end(admin)).status, 404);
  const other = { password: PASSWORD, reason: "The pump controller is still down", role: "editor" };
  assert.equal((await open(admin, other)).status, 201);
  const reasons = (await entriesOf(admin.userId)).map(({ details }) => details.reason);
  assert.deepEqual(reasons, [REASON, REASON, other.reason, other.reason]);
});

test("S70: the administrator or any owner ends it early, nobody else; both chains say who", async () => {
  const [one, two] = [await addAdmin(), await addAdmin()];
  const enders: [string, (admin: Person) => Promise<{ status: number }>, string][] = [
    ["themselves", (admin) => end(admin), one.userId],
    ["an owner", () => end(second), second.userId],
    ["leaving", (admin) => remove(admin, admin), one.userId],
    ["removed by an owner", (admin) => remove(team.owner, admin), team.owner.userId],
  ];
  const remove = ({ token }: Person, { userId }: Person) =>
    api.request("DELETE", `/api/workspaces/${team.workspaceId}/members/${userId}`, { token });
  for (const [how, ending, actor] of enders) {
    assert.equal((await open(one)).status, 201, how);
    for (const person of [team.editor, team.viewer]) assert.equal((await end(person)).status, 403);
    for (const person of [team.stranger, two, root]) assert.equal((await end(person)).status, 404);
    assert.ok([200, 204].includes((await ending(one)).status), how);
    assert.equal(await reads(one), 404, how);
    const ended = (await entriesOf(one.userId))
      .filter(({ action }) => action === "emergency.ended")
      .slice(-2);
    assert.deepEqual(
      ended.map((entry) => [how, entry.chain, entry.actor]),
      [
        [how, INSTANCE, actor],
        [how, team.workspaceId, actor],
      ],
    );
  }
  await end(team.owner);
  assert.deepEqual((await end(team.owner)).body, { ended: 0 });
  await open(one);
  await open(two);
  assert.deepEqual((await end(team.owner)).body, { ended: 2 }, "an owner clears the house");
});

test("S70: who has a second factor needs its code, once, and a password is not enough", async () => {
  const admin = await addAdmin();
  const { secret, usedCode } = await enableSecondFactor(api.request, admin);
  const refused = await open(admin);
  assert.deepEqual([refused.status, refused.body.code], [401, "totp_required"]);
  for (const totp of ["000000", usedCode]) {
    assert.equal((await open(admin, { password: PASSWORD, totp })).body.code, "invalid_totp", totp);
  }
  const totp = codeOf(secret);
  assert.equal(
    (await open(admin, { password: "wrong horse battery", totp })).body.code,
    "invalid_credentials",
  );
  assert.equal((await open(admin, { totp })).status, 201);
  const [entry] = await entriesOf(admin.userId);
  assert.equal(entry?.details.proof, "totp");
  const replayed = await open(admin, { totp }, await createWorkspace(api, team.stranger));
  assert.equal(replayed.body.code, "invalid_totp");
});

test("S70: who is no administrator any more, or disabled, is out at once and stays out", async () => {
  for (const change of [{ isAdmin: false }, { disabled: true }]) {
    const admin = await addAdmin();
    assert.equal((await open(admin)).status, 201);
    const path = `/api/admin/users/${admin.userId}`;
    await api.request("PATCH", path, { token: root.token, body: change });
    await api.request("PATCH", path, { token: root.token, body: { isAdmin: true, disabled: false } });
    assert.equal(
      (await list(team.owner)).some(({ userId }) => userId === admin.userId),
      false,
    );
    if ("isAdmin" in change) assert.equal(await reads(admin), 404);
  }
});

test("S70: who stops being administrator while they open it is out as well", async () => {
  const admin = await addAdmin();
  const until = async (text: string) => {
    for (let looks = 0; looks < 250 && (await query(text, [admin.userId])).length === 0; looks += 1)
      await delay(20);
  };
  const waits = "select from pg_locks l where not granted and $1 <> ''";
  // The owner is at work on the workspace: the opening waits after it has asked who is administrator.
  const owner = { userId: team.owner.userId, workspaceIds: [team.workspaceId] };
  const asked = await database.transaction(owner, async (tx) => {
    assert.ok(await lockWorkspace(tx, team.workspaceId));
    const opening = open(admin);
    await until(waits);
    const path = `/api/admin/users/${admin.userId}`;
    const demoting = api.request("PATCH", path, { token: root.token, body: { isAdmin: false } });
    await until(
      `${waits} and locktype = 'advisory' union all select from users where id::text = $1 and not is_admin`,
    );
    return [opening, demoting];
  });
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  assert.deepEqual(statuses, [201, 200]);
  assert.equal(await reads(admin), 404);
});

test("S70: an invitation is not used up by who is in by emergency; it is good once that has ended", async () => {
  const admin = await addAdmin();
  const invited = await api.request<{ url: string }>(
    "POST",
    `/api/workspaces/${team.workspaceId}/invitations`,
    { token: team.owner.token, body: { email: admin.email, role: "editor" } },
  );
  assert.equal((await open(admin)).status, 201);
  const accept = () =>
    api.request("POST", "/api/invitations/accept", {
      token: admin.token,
      body: { token: tokenOf(invited.body.url) },
    });
  const refused = await accept();
  assert.deepEqual([refused.status, refused.body.code], [409, "conflict"]);
  assert.equal((await end(admin)).status, 200);
  assert.equal((await accept()).status, 200);
  assert.equal((await list(team.owner)).find(({ userId }) => userId === admin.userId)?.role, "editor");
});

test("S70: ten openings an hour, however they are spread", async () => {
  const admin = await addAdmin();
  const opened = await Promise.all(
    Array.from({ length: 12 }, async () =>
      open(admin, { password: PASSWORD }, await createWorkspace(api, team.stranger)),
    ),
  );
  const statuses = opened.map(({ status }) => status).toSorted();
  assert.deepEqual(statuses, [...Array<number>(10).fill(201), 429, 429]);
  const refused = opened.find(({ status }) => status === 429);
  const seconds = Number(refused?.headers.get("retry-after"));
  assert.ok(seconds > 3_000 && seconds <= 3_600, String(seconds));
});
