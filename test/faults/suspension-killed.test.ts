// Everything killed while executions wait; a worker killed between a child's end and its parent's going on; a cancel that reaches a family.
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { startEmbeddedPostgres } from "../../scripts/embedded-postgres/start-embedded-postgres.ts";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { startHttpSink } from "../support/http-sink.ts";
import { createPlatform, type Platform, type RoleName } from "../support/platform.ts";
import { asAdmin } from "../support/query.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { chain, createWorkflow, submit, untilEnded } from "../support/workflows.ts";

const ROLES: readonly RoleName[] = ["api", "worker", "scheduler"];
const startAll = (platform: Platform) => Promise.all(ROLES.map((role) => platform.start(role)));
const killAll = (platform: Platform) => Promise.all(platform.processes().map((role) => role.kill("SIGKILL")));

test("everything killed during a wait, PostgreSQL too: what came due meanwhile goes on after the start", async (t) => {
  const dataDir = temporaryFolder(t);
  const start = () => startEmbeddedPostgres({ dataDir, log: () => {} });
  let postgres = await start();
  t.after(() => postgres.stop());
  await migrateDatabase({ databaseUrl: postgres.databaseUrl });
  const sink = await startHttpSink();
  t.after(() => sink.close());
  const platform = await createPlatform({
    DATABASE_URL: postgres.databaseUrl,
    ALLOW_PRIVATE_EGRESS: sink.address,
  });
  t.after(() => platform.close());
  await startAll(platform);
  const request = createClient(platform.url);
  const ada = await registerPerson(request);
  const call = (id: string) => ({ id, type: "http.request", config: { url: `${sink.url}/${id}` } });
  const pause = { id: "pause", type: "flow.wait", config: { ms: 6_000 } };
  const workflow = await createWorkflow(request, ada, chain(call("before"), pause, call("behind")));
  const child = await createWorkflow(request, ada, chain(pause, call("inner")));
  const parent = await createWorkflow(request, ada, chain(subOf(child), call("outer")));
  const ids = [await submit(request, ada, workflow), await submit(request, ada, parent)];
  for (const id of ids) await untilStatus(request, ada, id, "waiting");
  // Later than any of them is due.
  const due = Date.now() + 6_000;

  await killAll(platform);
  process.kill(postgres.pid, "SIGKILL");
  while (Date.now() < due + 500) await new Promise((resolve) => setTimeout(resolve, 100));
  postgres = await start();
  await startAll(platform);
  for (const id of ids) {
    const ended = await untilEnded(request, ada, id);
    assert.equal(ended.status, "succeeded", JSON.stringify(ended));
  }
  for (const path of ["/before", "/behind", "/inner", "/outer"]) assert.equal(sink.count(path), 1, path);
});

test("a worker killed between a child's end and its parent's going on: the parent goes on, once", async (t) => {
  const { database, platform, sink, request, ada } = await setUp(t);
  const call = (id: string, path: string) => ({ id, type: "http.request", config: { url: sink.url + path } });
  const child = await createWorkflow(request, ada, chain(call("inner", "/slow/1000/inner")));
  const parent = await createWorkflow(request, ada, chain(subOf(child), call("outer", "/outer")));
  const id = await submit(request, ada, parent);
  await sink.arrival("/slow/1000/inner");
  await untilStatus(request, ada, id, "waiting");
  // Somebody holds the parent's row, so that the child's end cannot be passed on before the worker dies.
  const holder = new pg.Client({ connectionString: database.adminUrl });
  await holder.connect();
  await holder.query("begin");
  await holder.query("select from workflow_executions where id = $1 for update", [id]);
  await untilRow(
    database,
    "select from workflow_executions where parent_id = $1 and status = 'succeeded'",
    id,
  );
  for (const role of platform.processes()) if (role.role === "worker") await role.kill("SIGKILL");
  await holder.query("commit");
  await holder.end();
  await platform.start("worker");
  const ended = await untilEnded(request, ada, id);
  assert.equal(ended.status, "succeeded", JSON.stringify(ended));
  assert.equal(sink.count("/slow/1000/inner"), 1, "the child ran once");
  assert.equal(sink.count("/outer"), 1);
  const children = await asAdmin(database, "select id from workflow_executions where parent_id = $1", [id]);
  assert.equal(children.length, 1);
});

test("a cancelled parent takes running and waiting children with it, and theirs", async (t) => {
  const { database, platform, sink, request, ada } = await setUp(t);
  const slow = { id: "inner", type: "http.request", config: { url: `${sink.url}/slow/60000/inner` } };
  const pause = { id: "pause", type: "flow.wait", config: { ms: 3_600_000 } };
  const innermost = await createWorkflow(request, ada, chain(slow));
  const middle = await createWorkflow(request, ada, chain(subOf(innermost)));
  const waiting = await createWorkflow(request, ada, chain(pause));
  const graph = chain(subOf(middle), { ...subOf(waiting), id: "sub2" });
  // Side by side instead of one after the other.
  for (const edge of graph.edges) edge.source = "start";
  const id = await submit(request, ada, await createWorkflow(request, ada, graph));
  await sink.arrival("/slow/60000/inner");
  await untilStatus(request, ada, id, "waiting");
  await untilRow(
    database,
    "select from workflow_executions where parent_id = $1 and parent_node = 'sub2' and status = 'waiting'",
    id,
  );
  const reply = await request("POST", `/api/executions/${id}/cancel`, { token: ada.token });
  assert.equal(reply.status, 202);
  assert.equal((await untilEnded(request, ada, id)).status, "cancelled");
  const family = `with recursive f as (select id, status, parent_id, finished_at from workflow_executions where id = $1
    union all select e.id, e.status, e.parent_id, e.finished_at from workflow_executions e join f on e.parent_id = f.id)`;
  await untilRow(
    database,
    `${family} select from f having count(*) filter (where status = 'cancelled') = 4`,
    id,
  );
  const [{ took } = { took: Number.NaN }] = await asAdmin<{ took: number }>(
    database,
    `${family} select extract(epoch from max(finished_at) - min(finished_at))::float8 took from f`,
    [id],
  );
  t.diagnostic(`the last of four ended ${took} s after the first`);
  assert.equal(platform.processes().length, 3);
});

async function setUp(t: { after(end: () => Promise<unknown>): void }) {
  const database = await createTestDatabase();
  t.after(() => database.drop());
  const sink = await startHttpSink();
  t.after(() => sink.close());
  const platform = await createPlatform({
    DATABASE_URL: database.databaseUrl,
    ALLOW_PRIVATE_EGRESS: sink.address,
  });
  t.after(() => platform.close());
  await startAll(platform);
  const request = createClient(platform.url);
  return { database, platform, sink, request, ada: await registerPerson(request) };
}

function subOf(workflowId: string) {
  return { id: "sub", type: "flow.subworkflow", config: { workflowId } };
}

async function untilStatus(request: Request, ada: Person, id: string, status: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const reply = await request("GET", `/api/executions/${id}`, { token: ada.token });
    if (reply.body.status === status) return;
    if (Date.now() > deadline) throw new Error(`execution ${id} is not ${status}: ${reply.text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function untilRow(database: { adminUrl: string }, text: string, id: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while ((await asAdmin(database, text, [id])).length === 0) {
    if (Date.now() > deadline) throw new Error(`no row came: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
