// What counts, what is given back, and what happens while the store is away; on PostgreSQL and on Redis.
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { findRedisServer, startRedis, type TestRedis } from "../../../test/support/redis-server.ts";
import { AppError } from "../../domain/app-error.ts";
import { ATTEMPT_RULES, type AttemptRules } from "../../domain/attempt-limits.ts";
import { createDatabase, type Database } from "../../persistence/database.ts";
import type { AttemptCounters } from "../../persistence/identity/attempt-counters.ts";
import { openPostgresCounters, openRedisCounters } from "../../persistence/identity/attempt-counters.ts";
import { type AttemptLimiter, createAttemptLimiter } from "./limit-attempts.ts";

const POINTS = 3;
const login = {
  ...ATTEMPT_RULES.login,
  account: {
    ...(ATTEMPT_RULES.login.account as NonNullable<typeof ATTEMPT_RULES.login.account>),
    points: POINTS,
  },
};
const RULES: AttemptRules = { ...ATTEMPT_RULES, login };
const SECRET = randomBytes(32);

let testDatabase: TestDatabase;
let database: Database;

before(async () => {
  testDatabase = await createTestDatabase();
  database = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_api" });
});
after(async () => {
  await database?.close();
  await testDatabase?.drop();
});

const limiterOn = ({ makeCounter }: AttemptCounters, rules = RULES): AttemptLimiter =>
  createAttemptLimiter({ makeCounter, secret: SECRET, rules, onError: () => {} });

type End =
  | "right"
  | "invalid_credentials"
  | "totp_required"
  | "cross_site"
  | "fault"
  | "database_unavailable";

/** One attempt that ends so. The code it was answered with, `right` when it was. */
async function attempt(
  limiter: AttemptLimiter,
  account: string,
  end: End,
  client = "192.0.2.1",
): Promise<string> {
  try {
    return await limiter.run({ name: "login", account, client }, async () => {
      if (end === "right") return end;
      if (end === "fault") throw new Error(end);
      throw new AppError(end, end, { retryable: end === "database_unavailable" });
    });
  } catch (error) {
    return error instanceof AppError ? error.code : (error as Error).message;
  }
}

/** What is given back is there when the limiter is closed; another one goes on with the counts. */
async function attempts(counters: AttemptCounters, account: string, ends: readonly End[]): Promise<string[]> {
  const answers: string[] = [];
  for (const end of ends) {
    const limiter = limiterOn(counters);
    answers.push(await attempt(limiter, account, end));
    await limiter.close();
  }
  return answers;
}

const wrong = (count: number) => Array.from({ length: count }, () => "invalid_credentials" as const);

async function behavesOn(counters: AttemptCounters): Promise<void> {
  const counted = await attempts(counters, randomUUID(), [...wrong(POINTS), "right"]);
  assert.deepEqual(counted, [...wrong(POINTS), "rate_limited"]);

  const forgiven = await attempts(counters, randomUUID(), [
    ...wrong(POINTS - 1),
    "right",
    ...wrong(POINTS + 1),
  ]);
  assert.deepEqual(forgiven.slice(POINTS), [...wrong(POINTS), "rate_limited"]);

  // The right pair without its code is no guess, and no success that would wipe out the guesses at the code.
  for (const end of ["totp_required", "cross_site", "fault", "database_unavailable"] as const) {
    const ends = [...wrong(POINTS - 1), end, end, end, end, ...wrong(2)];
    const answers = await attempts(counters, randomUUID(), ends);
    assert.deepEqual(answers.at(-3), end, "not counted");
    assert.deepEqual(answers.slice(-2), ["invalid_credentials", "rate_limited"], "and nothing forgiven");
  }

  const limiter = limiterOn(counters);
  const account = randomUUID();
  const parallel = await Promise.all(
    wrong(20).map((end, index) => attempt(limiter, account, end, `192.0.2.${index}`)),
  );
  assert.equal(
    parallel.filter((code) => code === "invalid_credentials").length,
    POINTS,
    "none slips through at once",
  );
  await limiter.close();
}

test("S06: on PostgreSQL wrong attempts count and right ones forgive", async () => {
  await behavesOn(openPostgresCounters(database));
});

test("S06: without its database it counts in memory", async () => {
  const away = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_api" });
  await away.close();
  const limiter = limiterOn(openPostgresCounters(away));
  const account = randomUUID();
  const answers: string[] = [];
  for (const end of wrong(POINTS + 1)) answers.push(await attempt(limiter, account, end));
  assert.deepEqual(answers, [...wrong(POINTS), "rate_limited"]);
});

const redisServer = findRedisServer();
const skip = "skip" in redisServer ? redisServer.skip : false;

test("S06: on Redis the same, shared and kept; without it, in memory", { skip }, async (t) => {
  const redis: TestRedis = await startRedis("program" in redisServer ? redisServer.program : "");
  let isUp = true;
  t.after(() => (isUp ? redis.stop() : undefined));
  const counters = await openRedisCounters(redis.url, () => {});
  t.after(() => counters.close());
  await behavesOn(counters);
  const keys = await redis.client.keys("*");
  assert.ok(keys.length > 5);
  for (const key of keys) {
    assert.match(key, /^atelier:limits:[a-z]+:[a-z]+:([\w-]{22}|everybody)$/);
    assert.ok((await redis.client.pttl(key)) > 0, `${key} ends`);
  }
  isUp = false;
  await redis.stop();
  const limiter = limiterOn(counters);
  const account = randomUUID();
  const answers: string[] = [];
  for (const end of wrong(POINTS + 1)) answers.push(await attempt(limiter, account, end));
  assert.deepEqual(answers, [...wrong(POINTS), "rate_limited"]);
});

test("who was just refused for their address costs the store nothing", async () => {
  const client = { points: 1, seconds: 300 };
  const limiter = limiterOn(openPostgresCounters(database), { ...RULES, login: { ...login, client } });
  const from = `198.51.100.${randomUUID()}`;
  await attempt(limiter, randomUUID(), "invalid_credentials", from);
  assert.equal(await attempt(limiter, randomUUID(), "invalid_credentials", from), "rate_limited");
  const rows = () => database.many({ text: "select key from rate_limits", values: [] });
  const before = (await rows()).length;
  for (let index = 0; index < 20; index++) {
    assert.equal(await attempt(limiter, randomUUID(), "right", from), "rate_limited");
  }
  assert.equal((await rows()).length, before);
});

test("the whole instance has a limit, which a client the account knows does not feel", async () => {
  const global = { points: 5, seconds: 300 };
  const own = openPostgresCounters(database);
  await database.run({ text: "delete from rate_limits", values: [] });
  const limiter = limiterOn(own, { ...RULES, login: { ...login, global } });
  const account = randomUUID();
  assert.equal(await attempt(limiter, account, "right", "192.0.2.77"), "right");
  await limiter.close();
  for (let index = 0; index < 6; index++)
    await attempt(limiter, randomUUID(), "invalid_credentials", `10.0.0.${index}`);
  assert.equal(await attempt(limiter, randomUUID(), "right", "10.0.1.1"), "rate_limited");
  assert.equal(await attempt(limiter, account, "right", "192.0.2.77"), "right");
  await limiter.close();
});
