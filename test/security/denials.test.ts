// S21: who is refused is in the audit log, summed up, and nothing of what they sent.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../support/api.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";

let database: TestDatabase;
let api: TestApi;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
});
after(async () => {
  await api?.close();
  await database?.drop();
});

type Entry = {
  actor: string | null;
  targetType: string;
  target: string;
  details: { code: string; count: number };
};

test("S21: a thousand refused requests are a handful of entries that count to a thousand", async () => {
  const person = await api.register();
  await api.register();
  const other = await api.register();
  const workflow = `/api/workflows/${randomUUID()}`;
  const ask: (() => Promise<{ status: number }>)[] = [
    () => api.request("GET", "/api/workflows"),
    () => api.request("GET", `${workflow}?token=canary-query`, { token: "canary-token" }),
    () => api.request("GET", workflow, { token: person.token, headers: { "user-agent": "canary-agent" } }),
    () => api.request("POST", "/auth/queues-session", { token: other.token, body: {} }),
    () => api.request("GET", "/nothing/here"),
  ];
  const replies: { status: number }[] = [];
  for (let batch = 0; batch < 50; batch++) {
    replies.push(
      ...(await Promise.all(
        Array.from({ length: 20 }, (_, index) => (ask[index % 4] as () => Promise<{ status: number }>)()),
      )),
    );
  }
  assert.deepEqual([...new Set(replies.map(({ status }) => status))].sort(), [401, 403, 404]);
  assert.equal((await ask[4]?.())?.status, 404);
  const wrong = { email: person.email, password: "canary-password" };
  await api.request("POST", "/auth/login", { body: wrong });
  await api.request("POST", "/auth/login", { body: { ...wrong, email: "canary@example.com" } });
  await api.close();

  const entries = await asAdmin<Entry>(
    database,
    `select actor_id as actor, target_type as "targetType", target_id as target, details from audit_logs
     where action = 'access.denied' and chain_id = '00000000-0000-0000-0000-000000000000'`,
  );
  const sum = (entries: readonly Entry[]) => entries.reduce((total, { details }) => total + details.count, 0);
  assert.equal(sum(entries), 1_002, "a path that is no route's is not counted");
  assert.ok(entries.length <= 20, `${entries.length} entries`);
  const of = (code: string) => entries.filter(({ details }) => details.code === code);
  assert.equal(sum(of("unauthenticated")), 500);
  assert.deepEqual([...new Set(of("not_found").map(({ actor }) => actor))], [person.userId]);
  assert.deepEqual([...new Set(of("forbidden").map(({ actor }) => actor))], [other.userId]);
  assert.deepEqual(
    of("invalid_credentials")
      .map(({ targetType, target }) => [targetType, target])
      .sort(),
    [
      ["route", "POST /auth/login"],
      ["user", person.userId],
    ],
  );
  assert.doesNotMatch(JSON.stringify(entries), /canary|@example/);
});
