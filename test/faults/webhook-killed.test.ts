// The api dies before and after the commit of a delivery: the sender tries again, and it runs once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { createClient, PASSWORD, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { chain, createWorkflow } from "../support/workflows.ts";

let database: TestDatabase;
let admin: pg.Client;
let platform: Platform;
let request: Request;
let owner: Person;

before(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  platform = await createPlatform({ DATABASE_URL: database.databaseUrl, NODE_ENV: "test" });
  request = createClient(platform.url);
});
after(async () => {
  await platform?.close();
  await admin?.end();
  await database?.drop();
});

for (const [point, kept] of [
  ["api.before_submit_commit", 0],
  ["api.after_submit_commit", 1],
] as const) {
  test(`a delivery whose api dies at ${point} is answered by the next one, and runs once`, async () => {
    const first = await platform.start("api", { CRASH_AT: `${point}:1` });
    owner ??= await registerPerson(request);
    const token = (await signIn()).accessToken;
    const workflowId = await createWorkflow(request, { ...owner, token }, chain());
    const body = { workflowId, verify: { type: "none" } };
    const hook = await request<{ token: string }>("POST", "/api/webhooks", { token, body });
    const deliver = () =>
      request("POST", `/hooks/${hook.body.token}`, { body: {}, headers: { "idempotency-key": "once" } });
    const runs = async () => {
      const text = "select id from workflow_executions where workflow_id = $1";
      return (await admin.query(text, [workflowId])).rows.map((row) => row.id);
    };
    await assert.rejects(deliver());
    await first.ended;
    const before = await runs();
    assert.equal(before.length, kept);

    const next = await platform.start("api");
    const answers = [await deliver(), await deliver()];
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
    const after = await runs();
    assert.equal(after.length, 1);
    if (kept === 1) assert.deepEqual(after, before);
    assert.deepEqual([...new Set(answers.map((answer) => answer.body.executionId))], after);
    await next.kill();
  });
}

async function signIn(): Promise<{ accessToken: string }> {
  const body = { email: owner.email, password: PASSWORD };
  return (await request<{ accessToken: string }>("POST", "/auth/login", { body })).body;
}
