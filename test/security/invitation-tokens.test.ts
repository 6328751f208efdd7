// A05 for invitations: whatever is not the unused token of one's own invitation gets one constant refusal.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../support/api.ts";
import { PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { createWorkspace, invite, joinAs } from "../support/team.ts";

let testDatabase: TestDatabase;
let api: TestApi;
let owner: Person;
let bob: Person;
let lab: string;

before(async () => {
  testDatabase = await createTestDatabase();
  api = await startTestApi(testDatabase.databaseUrl);
  owner = await api.register();
  bob = await api.register();
  lab = await createWorkspace(api, owner);
});
after(async () => {
  await api?.close();
  await testDatabase?.drop();
});

type Problem = { code?: string; requestId?: string };
const accept = (person: Person, body: unknown) =>
  api.request<Problem>("POST", "/api/invitations/accept", { token: person.token, body });
const register = (email: string, token: unknown) =>
  api.request<Problem>("POST", "/auth/register", { body: { email, password: PASSWORD, invite: token } });
const constant = ({ status, body }: { status: number; body: Problem }) => {
  const { requestId, ...rest } = body;
  return { status, ...rest };
};
const REFUSED = {
  status: 400,
  type: "about:blank",
  title: "Bad Request",
  code: "invalid_invite",
  detail: "This invitation is not valid",
};

/** Tokens of invitations to `email` that lack one thing each, by what it is; and one to somebody else. */
async function badTokens(email: string): Promise<Record<string, string>> {
  // Made for other addresses first: a new invitation would take the place of the one before.
  const make = (by = owner) => invite(api, by, lab, { email: `${randomUUID()}@example.com`, role: "editor" });
  const bend = <Row>(token: string, change: string) =>
    asAdmin<Row>(
      testDatabase,
      `update invitations set ${change} where token_hash = sha256($1::bytea) returning id`,
      [token],
    );
  const leaver = await joinAs(api, owner, lab, "owner");
  const own = {
    used: await make(),
    expired: await make(),
    revoked: await make(),
    orphaned: await make(leaver),
  };
  for (const token of Object.values(own)) await bend(token, `email = '${email}'`);
  await bend(own.used, "accepted_at = now()");
  await bend(own.expired, "expires_at = now() - interval '1 second'");
  const [revoked] = await bend<{ id: string }>(own.revoked, "role = role");
  const asOwner = { token: owner.token };
  const gone = [`invitations/${revoked?.id}`, `members/${leaver.userId}`];
  for (const what of gone) {
    assert.equal((await api.request("DELETE", `/api/workspaces/${lab}/${what}`, asOwner)).status, 204, what);
  }
  return { ...own, foreign: await make() };
}

test("A05: null, empty, missing, undefined, an array, another's, used, expired and revoked tokens are one refusal", async () => {
  for (const body of [
    { token: null },
    { token: "" },
    {},
    { token: "undefined" },
    { token: [] },
    { token: 1 },
  ]) {
    assert.deepEqual(constant(await accept(bob, body)), REFUSED, JSON.stringify(body));
  }
  for (const [what, token] of Object.entries(await badTokens(bob.email))) {
    assert.deepEqual(constant(await accept(bob, { token })), REFUSED, what);
  }
  const members = await asAdmin(
    testDatabase,
    "select from workspace_members where workspace_id = $1 and user_id = $2",
    [lab, bob.userId],
  );
  assert.equal(members.length, 0);
});

test("A05: registration refuses the same tokens, and makes nobody", async () => {
  const email = `${randomUUID()}@example.com`;
  for (const token of [null, "", [], ["x"], {}]) {
    const { status } = await register(email, token);
    assert.equal(status, 400, JSON.stringify(token));
  }
  const tokens = { ...(await badTokens(email)), guessed: "undefined" };
  for (const [what, token] of Object.entries(tokens)) {
    assert.deepEqual(constant(await register(email, token)), REFUSED, what);
  }
  assert.deepEqual(await asAdmin(testDatabase, "select id from users where email = $1", [email]), []);
});

test("A05: a good token is accepted, and with a session only", async () => {
  const token = await invite(api, owner, lab, { email: bob.email, role: "viewer" });
  const anonymous = await api.request("POST", "/api/invitations/accept", { body: { token } });
  assert.equal(anonymous.status, 401);
  assert.equal((await accept(bob, { token })).status, 200);
  assert.deepEqual(constant(await accept(bob, { token })), REFUSED, "used twice");
});
