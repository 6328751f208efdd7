// Invitations over HTTP: made, mailed, revoked, used at registration and by people who are here already.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import { PASSWORD, type Person, registerPerson } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { type SmtpServer, startSmtpServer } from "../../test/support/smtp-server.ts";
import { createWorkspace, invite, tokenOf } from "../../test/support/team.ts";

const PUBLIC_URL = "https://atelier.example.com";
const SETUP_TOKEN = "only for the first one";

let testDatabase: TestDatabase;
let mail: SmtpServer;
let api: TestApi;
let admin: Person;
let ada: Person;
let lab: string;

before(async () => {
  testDatabase = await createTestDatabase();
  mail = await startSmtpServer();
  const from = "Atelier <atelier@example.com>";
  const environment = { SMTP_URL: mail.url, MAIL_FROM: from, PUBLIC_URL, SETUP_TOKEN };
  api = await startTestApi(testDatabase.databaseUrl, { environment });
  admin = await registerPerson(api.request, undefined, { "x-setup-token": SETUP_TOKEN });
  ada = await api.register();
  lab = await createWorkspace(api, ada);
});
after(async () => {
  await api?.close();
  await mail?.close();
  await testDatabase?.drop();
});

const someone = () => `${randomUUID()}@example.com`;
type Sent = { id: string; url: string; mailed: boolean; status: string; email: string; code?: string };
type Page = { items: (Sent & { role: string | null })[]; nextCursor: string | null };
const call = <Body = Sent>(person: Person, method: string, path: string, body?: unknown) =>
  api.request<Body>(method, path, { token: person.token, body });
const join = (email: string, token?: unknown, on = api) =>
  on.request<{ code?: string; accessToken: string; workspaceId: string; user: { id: string } }>(
    "POST",
    "/auth/register",
    { body: { email, password: PASSWORD, ...(token === undefined ? {} : { invite: token }) } },
  );
const invitationsOf = (id: string) => `/api/workspaces/${id}/invitations`;

test("an invitation is a link with the token in its fragment, mailed, and stored as a hash only", async () => {
  const email = someone();
  const sent = await call(ada, "POST", invitationsOf(lab), { email: email.toUpperCase(), role: "editor" });
  assert.equal(sent.status, 201);
  assert.equal(sent.headers.get("cache-control"), "no-store");
  assert.deepEqual([sent.body.mailed, sent.body.status, sent.body.email], [true, "pending", email]);
  assert.match(sent.body.url, /^https:\/\/atelier\.example\.com\/invite#inv_[\w-]{43}$/);
  const text = (await mail.waitFor(email)).replace(/=\r\n/g, "").replace(/=3D/g, "=");
  assert.ok(text.includes(sent.body.url), text);
  assert.ok(text.includes(ada.email));
  const listed = await call<Page>(ada, "GET", invitationsOf(lab));
  assert.equal(listed.body.items[0]?.id, sent.body.id);
  const token = tokenOf(sent.body.url);
  assert.ok(!listed.text.includes(token));
  const [kept] = await asAdmin<{ text: string }>(
    testDatabase,
    "select string_agg(i::text, ' ') || (select string_agg(a::text, ' ') from audit_logs a) as text from invitations i",
  );
  assert.ok(kept && kept.text.length > 500 && !kept.text.includes(token));
});

test("who registers with it is in the workspace, in that role, and has a workspace of their own", async () => {
  const email = someone();
  const token = await invite(api, ada, lab, { email, role: "operator" });
  const joined = await join(email.replace("@", "@").toUpperCase(), token);
  assert.equal(joined.status, 201, joined.text);
  assert.notEqual(joined.body.workspaceId, lab);
  const me = await api.request<{ workspaces: { id: string; role: string }[] }>("GET", "/auth/me", {
    token: joined.body.accessToken,
  });
  const roles = Object.fromEntries(me.body.workspaces.map(({ id, role }) => [id, role]));
  assert.deepEqual(roles, { [lab]: "operator", [joined.body.workspaceId]: "owner" });
});

test("who is here already accepts it; a member keeps the role they have", async () => {
  const bob = await api.register();
  const accept = (person: Person, token: string) =>
    call<{ workspaceId: string; role: string }>(person, "POST", "/api/invitations/accept", { token });
  const token = await invite(api, ada, lab, { email: bob.email, role: "viewer" });
  const accepted = await accept(bob, token);
  assert.deepEqual([accepted.status, accepted.body], [200, { workspaceId: lab, role: "viewer" }]);
  const again = await call(ada, "POST", invitationsOf(lab), { email: bob.email, role: "owner" });
  assert.deepEqual([again.status, again.body.code], [409, "already_member"]);
  const carol = await api.register();
  const late = await invite(api, ada, lab, { email: carol.email, role: "owner" });
  await asAdmin(
    testDatabase,
    "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'auditor')",
    [lab, carol.userId],
  );
  assert.equal((await accept(carol, late)).body.role, "auditor");
});

test("a second invitation to an address takes the place of the first", async () => {
  const email = someone();
  const first = await invite(api, ada, lab, { email, role: "owner" });
  const second = await invite(api, ada, lab, { email, role: "viewer" });
  assert.deepEqual((await join(email, first)).body.code, "invalid_invite");
  assert.equal((await join(email, second)).status, 201);
});

test("open invitations are counted, so that nobody mails the world (A70: 50 at once)", async () => {
  const id = await createWorkspace(api, ada, "Crowd");
  await asAdmin(
    testDatabase,
    `insert into invitations (id, workspace_id, email, role, token_hash, invited_by, expires_at)
     select gen_random_uuid(), $1::uuid, n || '@example.com', 'viewer', sha256(($1::uuid || 'x' || n)::bytea), $2::uuid, now() + interval '1 day'
     from generate_series(1, 198) n`,
    [id, ada.userId],
  );
  const replies = await Promise.all(
    Array.from({ length: 50 }, () =>
      call(ada, "POST", invitationsOf(id), { email: someone(), role: "viewer" }),
    ),
  );
  assert.deepEqual(replies.map((reply) => reply.status).toSorted(), [201, 201, ...Array(48).fill(409)]);
});

test("administrators invite to the instance, into no workspace", async () => {
  const at = "/api/admin/invitations";
  const email = someone();
  assert.equal((await call(ada, "POST", at, { email })).status, 403);
  assert.equal((await call(ada, "GET", at)).status, 403);
  const sent = await call(admin, "POST", at, { email });
  assert.equal(sent.status, 201);
  const listed = await call<Page>(admin, "GET", at);
  assert.deepEqual(
    listed.body.items.map(({ id, role, status }) => ({ id, role, status })),
    [{ id: sent.body.id, role: null, status: "pending" }],
  );
  assert.equal((await call(ada, "DELETE", `${at}/${sent.body.id}`)).status, 403);
  const inside = await call<Page>(ada, "GET", invitationsOf(lab));
  assert.ok(!inside.text.includes(sent.body.id));
  const token = tokenOf(sent.body.url);
  const joined = await join(email, token);
  assert.equal(joined.status, 201, joined.text);
  assert.equal((await call(admin, "DELETE", `${at}/${sent.body.id}`)).status, 404, "accepted is accepted");
  const other = await call(admin, "POST", at, { email: someone() });
  assert.equal((await call(admin, "DELETE", `${at}/${other.body.id}`)).status, 204);
  assert.equal((await join(other.body.email, tokenOf(other.body.url))).body.code, "invalid_invite");
});

test("SIGNUP=invite lets invited people in, SIGNUP=closed nobody; people who are here accept all the same", async (t) => {
  const start = async (SIGNUP: string) => {
    const door = await startTestApi(testDatabase.databaseUrl, { environment: { SIGNUP } });
    t.after(() => door.close());
    return door;
  };
  const [byInvitation, closed] = [await start("invite"), await start("closed")];
  const email = someone();
  const token = await invite(api, ada, lab, { email, role: "viewer" });
  assert.equal((await join(email, token, closed)).body.code, "signup_closed");
  assert.equal((await join(someone(), undefined, byInvitation)).body.code, "invite_required");
  assert.equal((await join(someone(), token, byInvitation)).body.code, "invalid_invite");
  assert.equal((await join(email, token, byInvitation)).status, 201);
  const bob = await api.register();
  const forBob = await invite(api, ada, lab, { email: bob.email, role: "viewer" });
  const accepted = await closed.request("POST", "/api/invitations/accept", {
    token: (
      await closed.request<{ accessToken: string }>("POST", "/auth/login", {
        body: { email: bob.email, password: PASSWORD },
      })
    ).body.accessToken,
    body: { token: forBob },
  });
  assert.equal(accepted.status, 200, accepted.text);
});

test("a mail that fails harms nothing", async (t) => {
  const sulking = await startSmtpServer({ refuses: true });
  const environment = { SMTP_URL: sulking.url, MAIL_FROM: "atelier@example.com" };
  const other = await startTestApi(testDatabase.databaseUrl, { environment });
  t.after(() => other.close().then(() => sulking.close()));
  const email = someone();
  const dora = await other.register();
  const token = await invite(other, dora, dora.workspaceId, { email, role: "viewer" });
  assert.equal((await join(email, token, other)).status, 201);
});
