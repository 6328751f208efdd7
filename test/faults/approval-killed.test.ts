// Everything killed while people are asked, and again right after their word: they are asked once, and it goes on once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { startHttpSink } from "../support/http-sink.ts";
import { createPlatform, type RoleName } from "../support/platform.ts";
import { asAdmin } from "../support/query.ts";
import { chain, createWorkflow, submit, untilEnded } from "../support/workflows.ts";

const ROLES: readonly RoleName[] = ["api", "worker", "scheduler"];

test("all roles killed while people are asked and again after their word: asked once, gone on once", async (t) => {
  const database = await createTestDatabase();
  t.after(() => database.drop());
  const sink = await startHttpSink();
  t.after(() => sink.close());
  const platform = await createPlatform({
    DATABASE_URL: database.databaseUrl,
    ALLOW_PRIVATE_EGRESS: sink.address,
  });
  t.after(() => platform.close());
  const startAll = () => Promise.all(ROLES.map((role) => platform.start(role)));
  const killAll = () => Promise.all(platform.processes().map((role) => role.kill("SIGKILL")));
  await startAll();
  const request = createClient(platform.url);
  const ada = await registerPerson(request);
  const call = (id: string) => ({ id, type: "http.request", config: { url: `${sink.url}/${id}` } });
  const ask = { id: "ask", type: "flow.approval", config: { message: "Go on?" } };
  const graph = chain(call("before"), ask, call("behind"));
  const edge = graph.edges.find(({ source }) => source === "ask");
  Object.assign(edge ?? {}, { sourceHandle: "approved" });
  const workflow = await createWorkflow(request, ada, graph);
  const ids = await Promise.all(Array.from({ length: 3 }, () => submit(request, ada, workflow)));
  const asked = await untilAsked(request, ada, ids.length);

  await killAll();
  await startAll();
  assert.deepEqual(await untilAsked(request, ada, ids.length), asked);
  for (const { id } of asked) {
    const reply = await request("POST", `/api/approvals/${id}`, {
      token: ada.token,
      body: { decision: "approve" },
    });
    assert.deepEqual([reply.status, reply.body.status], [200, "approved"]);
  }
  await killAll();
  await startAll();
  for (const id of ids) {
    const ended = await untilEnded(request, ada, id);
    assert.equal(ended.status, "succeeded", JSON.stringify(ended));
  }
  const rows = await asAdmin(database, "select status, attempt from approvals");
  assert.deepEqual(rows, Array(ids.length).fill({ status: "approved", attempt: 1 }));
  const steps = await asAdmin(database, "select 1 from execution_steps where node_id = 'ask'");
  assert.equal(steps.length, ids.length);
  const entries = await asAdmin(database, "select 1 from audit_logs where action = 'approval.decided'");
  assert.equal(entries.length, ids.length);
  // Under one key each, should a kill have come between sending and writing down.
  for (const path of ["/before", "/behind"]) {
    const keys = sink.requests.filter((request) => request.path === path).map((request) => request.key);
    assert.equal(new Set(keys).size, ids.length, path);
  }
});

async function untilAsked(request: Request, ada: Person, count: number): Promise<{ id: string }[]> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const reply = await request<{ items: { id: string }[] }>("GET", "/api/approvals?mine=true", ada);
    if (reply.body.items?.length === count) return reply.body.items;
    if (Date.now() > deadline) throw new Error(`they are not asked: ${reply.text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
