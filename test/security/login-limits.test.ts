// Guessing passwords: slow for every attacker, whatever address they come from or claim, and never in the owner's way.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { ATTEMPT_RULES } from "#core/domain/attempt-limits.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";

const PROXY = { TRUSTED_PROXIES: "127.0.0.1" };
const { account: RULE } = ATTEMPT_RULES.login;
const POINTS = RULE?.points ?? 0;

let database: TestDatabase;
let api: TestApi;

const startApi = () =>
  startTestApi(database.databaseUrl, { attemptRules: ATTEMPT_RULES, environment: PROXY });

before(async () => {
  database = await createTestDatabase();
  api = await startApi();
});
after(async () => {
  await api?.close();
  await database?.drop();
});

type Login = { email: string; password?: string; from: string };

/** Through the trusted proxy of the test, which says where the request came from. */
const login = ({ email, password = "not the password", from }: Login, at: TestApi = api) =>
  at.request("POST", "/auth/login", { body: { email, password }, headers: { "x-forwarded-for": from } });

const statuses = (replies: readonly { status: number }[]) => replies.map(({ status }) => status);
const times = <Value>(count: number, make: (index: number) => Value) =>
  Array.from({ length: count }, (_, i) => make(i));

/** Wrong passwords from addresses 10.1.0.1, 10.1.0.2, …, at once. */
const guess = (person: Pick<Person, "email">, count: number, network = "10.1.0", at: TestApi = api) =>
  Promise.all(times(count, (index) => login({ email: person.email, from: `${network}.${index + 1}` }, at)));

const counts = async (like: string) =>
  (
    await asAdmin<{ count: number }>(
      database,
      "select count(*)::int as count from rate_limits where key like $1",
      [like],
    )
  )[0]?.count ?? 0;

/** What is given back after an answer is on its way when the answer is here. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail("it did not come to that");
}

/** Time passes for the accounts' delays. */
const passDelays = () =>
  asAdmin(database, "update rate_limits set expire = 1 where key like 'login:account:%'");

test("A02: twenty wrong passwords from twenty addresses make an account wait; a client it knows comes in", async () => {
  const owner = await api.register();
  const known = await counts("login:familiar:%");
  assert.equal((await login({ email: owner.email, password: PASSWORD, from: "192.0.2.7" })).status, 200);
  await until(async () => (await counts("login:familiar:%")) === known + 1);

  const replies = await guess(owner, 20);
  assert.equal(replies.filter(({ status }) => status === 401).length, POINTS);
  const refused = replies.filter(({ status }) => status === 429);
  assert.equal(refused.length, 20 - POINTS);
  for (const { body, headers } of refused) {
    assert.equal(body.code, "rate_limited");
    assert.match(headers.get("content-type") ?? "", /problem\+json/);
    assert.ok(Number(headers.get("retry-after")) > 0);
  }
  const elsewhere = await login({ email: owner.email, password: PASSWORD, from: "192.0.2.99" });
  assert.equal(elsewhere.status, 429, "the right password is no way to find out that it is right");
  const wait = Number(elsewhere.headers.get("retry-after"));
  assert.ok(wait > 0 && wait <= (RULE?.delaySeconds ?? 0), `${wait} s`);
  assert.equal((await login({ email: owner.email, password: PASSWORD, from: "192.0.2.7" })).status, 200);
});

test("A02: a client the account knows has guesses of its own, and no more than others", async () => {
  const owner = await api.register();
  const known = await counts("login:familiar:%");
  await login({ email: owner.email, password: PASSWORD, from: "192.0.2.8" });
  await until(async () => (await counts("login:familiar:%")) === known + 1);
  const replies = await Promise.all(
    times(POINTS + 2, () => login({ email: owner.email, from: "192.0.2.8" })),
  );
  assert.deepEqual(statuses(replies).sort(), [...times(POINTS, () => 401), 429, 429]);
});

test("A02: the wait grows with every round, to the documented maximum; after it the right password works", async () => {
  const owner = await api.register();
  const waits: number[] = [];
  for (let round = 0; round < 6; round++) {
    const replies = await guess(owner, POINTS + 1);
    const refused = replies.filter(({ status }) => status === 429);
    assert.equal(refused.length, 1, `round ${round}`);
    waits.push(Number(refused[0]?.headers.get("retry-after")));
    await passDelays();
  }
  assert.deepEqual(waits, [60, 120, 240, 480, 900, 900]);
  assert.equal((await login({ email: owner.email, password: PASSWORD, from: "192.0.2.9" })).status, 200);
  await until(async () => (await guess(owner, 1, "10.9.0"))[0]?.status === 401);
  const again = (await guess(owner, POINTS + 1)).find(({ status }) => status === 429);
  assert.equal(again?.headers.get("retry-after"), "60", "a right one has made it forget");
});

test("a right password gives the account all its attempts back", async () => {
  const owner = await api.register();
  assert.ok(statuses(await guess(owner, POINTS - 1)).every((status) => status === 401));
  const before = await counts("login:account:%");
  assert.equal((await login({ email: owner.email, password: PASSWORD, from: "192.0.2.10" })).status, 200);
  await until(async () => (await counts("login:account:%")) === before - 1);
  assert.ok(statuses(await guess(owner, POINTS)).every((status) => status === 401));
});

test("A02: the counts outlive the process and are shared by all processes", async (t) => {
  const owner = await api.register();
  await guess(owner, POINTS + 1);
  const other = await startApi();
  t.after(() => other.close());
  assert.equal(
    (await login({ email: owner.email, password: PASSWORD, from: "10.2.0.1" }, other)).status,
    429,
  );
  await api.close();
  api = await startApi();
  assert.equal((await login({ email: owner.email, password: PASSWORD, from: "10.2.0.2" })).status, 429);
});

test("A02: two hundred accounts from one address: 429, whatever X-Forwarded-For it makes up", async (t) => {
  const bare = await startTestApi(database.databaseUrl, { attemptRules: ATTEMPT_RULES });
  t.after(() => bare.close());
  const attempts = times(200, (index) =>
    login({ email: `${randomUUID()}@example.com`, from: `203.0.${index}.1, 198.51.100.${index}` }, bare),
  );
  const replies = await Promise.all(attempts);
  const allowed = ATTEMPT_RULES.login.client.points;
  assert.equal(replies.filter(({ status }) => status === 401).length, allowed);
  const refused = replies.filter(({ status }) => status === 429);
  assert.equal(refused.length, 200 - allowed);
  assert.ok(refused.every(({ headers }) => Number(headers.get("retry-after")) > 0));
});

test("through a trusted proxy the right-most address that is no proxy's is the client", async (t) => {
  const login3 = { ...ATTEMPT_RULES.login, client: { points: 3, seconds: 300 } };
  const behind = await startTestApi(database.databaseUrl, {
    attemptRules: { ...ATTEMPT_RULES, login: login3 },
    environment: { TRUSTED_PROXIES: "127.0.0.1,10.255.0.0/24" },
  });
  t.after(() => behind.close());
  const from = async (forwarded: string) =>
    (await login({ email: `${randomUUID()}@example.com`, from: forwarded }, behind)).status;
  // Left of the client's own address stands what the client has made up; 10.255.0.9 is a second proxy.
  for (const claim of ["1.1.1.1", "2.2.2.2", "unknown"]) {
    assert.equal(await from(`${claim}, 172.16.0.1, 10.255.0.9`), 401);
  }
  assert.equal(await from("3.3.3.3, 172.16.0.1, 10.255.0.9"), 429);
  assert.equal(await from("172.16.0.1"), 429);
  assert.equal(await from("172.16.0.2, 10.255.0.9"), 401, "another client is not touched");
});

test("what is stored names neither account nor address", async () => {
  const person = await api.register(`Readable-${randomUUID()}@example.com`);
  await login({ email: person.email, from: "172.31.77.88" });
  const rows = await asAdmin<{ key: string }>(database, "select key from rate_limits");
  const names = new Set(rows.map(({ key }) => key.slice(0, key.lastIndexOf(":"))));
  assert.ok(names.has("login:account") && names.has("login:client") && names.has("register:client"));
  for (const { key } of rows) {
    assert.match(key, /^[a-z]+:[a-z]+:([\w-]{22}|everybody)$/);
    assert.doesNotMatch(key, /readable|172\.31/i);
  }
});

test("invitations, which may be mails to strangers, have a limit per client whoever they are for", async () => {
  const owner = await api.register();
  const path = `/api/workspaces/${owner.workspaceId}/invitations`;
  const invite = () =>
    api.request("POST", path, {
      token: owner.token,
      body: { email: "stranger@example.com", role: "viewer" },
      headers: { "x-forwarded-for": "10.9.9.9" },
    });
  for (let sent = 0; sent < ATTEMPT_RULES.invite.client.points; sent++)
    assert.equal((await invite()).status, 201);
  const refused = await invite();
  assert.deepEqual([refused.status, refused.body.code], [429, "rate_limited"]);
});
