// Identity where HTTP cannot reach: who may be first, equal work for every refusal, and hashes of other days.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { asAdmin } from "../../../test/support/query.ts";
import { createAccessTokens } from "../../crypto/access-tokens.ts";
import { createEnvelope } from "../../crypto/envelope.ts";
import { createKeyring } from "../../crypto/keyring.ts";
import { createPasswordHasher, type PasswordHasher } from "../../crypto/passwords.ts";
import { createDatabase, type Database } from "../../persistence/database.ts";
import { createActorCache } from "./actor-cache.ts";
import { createIdentityService } from "./identity.ts";
import type { SignupPolicy } from "./signup-policy.ts";

const CHEAP = { memoryKib: 19_456, passes: 2 };
const CLIENT = { userAgent: "test", address: "127.0.0.1" };
const sessionLimits = { idleMinutes: 60, maxMinutes: 600 };
const PASSWORD = "correct horse battery";
const SETUP_TOKEN = "the-setup-token-of-this-test";
const OPEN: SignupPolicy = { signup: "open", host: "127.0.0.1" };

let testDatabase: TestDatabase;
let database: Database;

before(async () => {
  testDatabase = await createTestDatabase();
  database = connect(testDatabase);
});
after(async () => {
  await database?.close();
  await testDatabase?.drop();
});

function connect({ databaseUrl }: TestDatabase): Database {
  return createDatabase({ databaseUrl, role: "atelier_api", maxConnections: 4 });
}

function identityWith(
  signupPolicy: SignupPolicy,
  hasher: PasswordHasher = createPasswordHasher(CHEAP),
  on = database,
) {
  const accessTokens = createAccessTokens({
    secrets: [{ id: "test", secret: Buffer.alloc(32, 7) }],
    issuer: "http://127.0.0.1",
  });
  const actors = createActorCache({ maxAgeMs: 0 });
  const envelope = createEnvelope({
    keyring: createKeyring({ keys: [{ id: "test", secret: Buffer.alloc(32, 7) }] }),
  });
  return createIdentityService({
    database: on,
    hasher,
    accessTokens,
    envelope,
    signupPolicy,
    sessionLimits,
    actors,
  });
}

/** The real hasher with a tally of the hashes it computes; a text that is no hash is refused without one. */
function counting(hasher: PasswordHasher) {
  const computed = { count: 0 };
  const counted: PasswordHasher = {
    ...hasher,
    verify(password, phc) {
      if (phc.startsWith("$argon2id$")) computed.count += 1;
      return hasher.verify(password, phc);
    },
    dummyVerify(password) {
      computed.count += 1;
      return hasher.dummyVerify(password);
    },
  };
  return { hasher: counted, computed };
}

const person = (email: string, more = {}) => ({ email, password: PASSWORD, ...more });

test("off loopback the first registration needs the setup token, the second does not", async (t) => {
  const own = await createTestDatabase();
  const fresh = connect(own);
  t.after(async () => {
    await fresh.close();
    await own.drop();
  });
  const at = (host: string, setupToken?: string) =>
    identityWith({ signup: "open", host, setupToken }, createPasswordHasher(CHEAP), fresh);
  const exposed = at("0.0.0.0", SETUP_TOKEN);
  for (const setupToken of [undefined, "", "wrong", `${SETUP_TOKEN}x`]) {
    await assert.rejects(exposed.register(person("a@example.com", { setupToken }), CLIENT), {
      code: "setup_token_required",
    });
  }
  for (const host of ["0.0.0.0", "::", "10.1.2.3", "studio.example", "127.evil.example"]) {
    await assert.rejects(at(host).register(person("a@example.com", { setupToken: "" }), CLIENT), {
      code: "setup_token_required",
    });
  }
  // On loopback behind a proxy, which brings people from anywhere.
  const policy = { signup: "open", host: "127.0.0.1", publicUrl: "https://studio.example" } as const;
  const proxied = identityWith(policy, createPasswordHasher(CHEAP), fresh);
  await assert.rejects(proxied.register(person("a@example.com"), CLIENT), { code: "setup_token_required" });
  const first = await exposed.register(person("a@example.com", { setupToken: SETUP_TOKEN }), CLIENT);
  assert.equal(first.user.isAdmin, true);
  const second = await exposed.register(person("b@example.com"), CLIENT);
  assert.equal(second.user.isAdmin, false);
});

test("a closed instance lets its first person in and nobody after, even at the same moment", async (t) => {
  const own = await createTestDatabase();
  const fresh = connect(own);
  t.after(async () => {
    await fresh.close();
    await own.drop();
  });
  const closed = identityWith({ ...OPEN, signup: "closed" }, createPasswordHasher(CHEAP), fresh);
  const outcomes = await Promise.allSettled(
    ["a", "b", "c"].map((name) => closed.register(person(`${name}@example.com`), CLIENT)),
  );
  assert.equal(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1);
  await assert.rejects(closed.register(person("d@example.com"), CLIENT), { code: "signup_closed" });
  const invite = identityWith({ ...OPEN, signup: "invite" }, createPasswordHasher(CHEAP), fresh);
  await assert.rejects(invite.register(person("d@example.com"), CLIENT), { code: "invite_required" });
  await assert.rejects(invite.register(person("d@example.com", { invite: "made-up" }), CLIENT), {
    code: "invalid_invite",
  });
});

test("every refused login computes exactly one hash", async () => {
  const { hasher, computed } = counting(createPasswordHasher(CHEAP));
  const identity = identityWith(OPEN, hasher);
  await identity.register(person("known@example.com"), CLIENT);
  await identity.register(person("disabled@example.com"), CLIENT);
  await identity.register(person("imported@example.com"), CLIENT);
  await asAdmin(testDatabase, "update users set disabled_at = now() where email = 'disabled@example.com'");
  await asAdmin(testDatabase, "update users set password_hash = '!' where email = 'imported@example.com'");
  for (const [email, password] of [
    ["known@example.com", "wrong password"],
    ["unknown@example.com", PASSWORD],
    ["disabled@example.com", PASSWORD],
    ["imported@example.com", PASSWORD],
    ["' or 1=1 --", PASSWORD],
  ] as const) {
    computed.count = 0;
    await assert.rejects(identity.checkPassword(email, password, CLIENT), { code: "invalid_credentials" });
    assert.equal(computed.count, 1, email);
  }
});

test("a hash with yesterday's parameters is replaced at the next good login", async () => {
  await identityWith(OPEN).register(person("old@example.com"), CLIENT);
  const hashOf = async () =>
    (
      await asAdmin<{ hash: string }>(
        testDatabase,
        "select password_hash as hash from users where email = 'old@example.com'",
      )
    )[0]?.hash ?? "";
  assert.match(await hashOf(), /t=2,/);
  const today = identityWith(OPEN, createPasswordHasher({ ...CHEAP, passes: 3 }));
  await assert.rejects(today.checkPassword("old@example.com", "wrong password", CLIENT));
  assert.match(await hashOf(), /t=2,/, "a wrong password changes nothing");
  const verified = await today.checkPassword("old@example.com", PASSWORD, CLIENT);
  await today.startSession(verified, { client: CLIENT });
  assert.match(await hashOf(), /t=3,/);
  assert.equal((await today.checkPassword("old@example.com", PASSWORD, CLIENT)).rehash, undefined);
});

test("a change of membership is seen on the next look-up", async () => {
  const identity = identityWith(OPEN);
  const { accessToken, workspaceId, user } = await identity.register(person("member@example.com"), CLIENT);
  const before = await identity.authenticate(accessToken);
  assert.deepEqual(before.memberships, [{ workspaceId, role: "owner" }]);
  await asAdmin(testDatabase, "update workspace_members set role = 'viewer' where user_id = $1", [user.id]);
  assert.equal((await identity.authenticate(accessToken)).memberships[0]?.role, "viewer");
  await asAdmin(testDatabase, "delete from workspace_members where user_id = $1", [user.id]);
  assert.deepEqual((await identity.authenticate(accessToken)).memberships, []);
});
