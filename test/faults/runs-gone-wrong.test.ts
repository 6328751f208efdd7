// What people do after a crash, over real processes: decisions on parked effects, error workflows, forks and retries.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type HttpSink, startHttpSink } from "../support/http-sink.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { asAdmin } from "../support/query.ts";
import { chain, createWorkflow, listSteps, submit, untilEnded } from "../support/workflows.ts";

let database: TestDatabase;
let platform: Platform;
let sink: HttpSink;
let request: Request;
let ada: Person;

before(async () => {
  database = await createTestDatabase();
  sink = await startHttpSink();
  platform = await createPlatform({ DATABASE_URL: database.databaseUrl, ALLOW_PRIVATE_EGRESS: sink.address });
  await Promise.all([platform.start("api"), platform.start("scheduler"), platform.start("worker")]);
  request = createClient(platform.url);
  ada = await registerPerson(request);
});
after(async () => {
  await platform?.close();
  await sink?.close();
  await database?.drop();
});

const post = (path: string, body?: unknown) =>
  request<{ id: string; code: string }>("POST", path, { token: ada.token, body });
const send = (id: string, path: string, config: object = {}, data: object = {}) => ({
  ...{ id, type: "http.request", data: { ...data } },
  config: { method: "POST", url: `${sink.url}${path}`, ...config },
});
const transform = (id: string, value: unknown) => ({ id, type: "data.transform", config: { value } });
const keysOf = (path: string) => sink.requests.filter((one) => one.path === path).map(({ key }) => key);
const save = (graph: unknown) => createWorkflow(request, ada, graph);

async function until<Value>(look: () => Promise<Value | undefined | false>): Promise<Value> {
  for (const deadline = Date.now() + 60_000; ; ) {
    const value = await look();
    if (value) return value;
    if (Date.now() > deadline) throw new Error("the condition did not come true");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What becomes of the payment is a person's to say. */
async function untilAsked(id: string): Promise<void> {
  const pending = await until(async () => {
    const reply = await request("GET", `/api/executions/${id}`, { token: ada.token });
    return reply.body.status === "waiting" && reply.body.pendingDecisions;
  });
  assert.deepEqual(pending, [{ nodeId: "pay", iteration: "" }]);
}

async function replaceWorkers(): Promise<void> {
  for (const process of platform.processes()) if (process.role === "worker") await process.kill("SIGKILL");
  await platform.start("worker");
}

/** Runs one whose payment was in flight when its worker was killed, up to where it waits for a person. */
async function parked(name: string, data: object = {}) {
  const path = `/slow/1500/${name}`;
  const after = transform("after", "{{ nodes.pay }}");
  const graph = chain(send("pay", path, { repeatable: false }, data), after);
  const id = await submit(request, ada, await save(graph));
  await sink.arrival(path);
  await replaceWorkers();
  await untilAsked(id);
  return {
    id,
    path,
    decide: (body: object) => post(`/api/executions/${id}/steps/decide`, { nodeId: "pay", ...body }),
  };
}

test("F01 a parked effect is sent again on request, under its old key, and the run goes on", async () => {
  const { id, path, decide } = await parked("again");
  assert.equal((await decide({ decision: "retry" })).status, 202);
  assert.equal((await untilEnded(request, ada, id)).status, "succeeded");
  const [first, second, ...more] = keysOf(path);
  assert.ok(first && first === second && more.length === 0, keysOf(path).join());
  assert.equal((await decide({ decision: "retry" })).body.code, "execution_finished");
});

test("F45 of three who decide on a parked effect at once one wins, and what it said is the node's output", async () => {
  const { id, path, decide } = await parked("skipped");
  const replies = await Promise.all([1, 2, 3].map((output) => decide({ decision: "skip", output })));
  assert.deepEqual(replies.map(({ status }) => status).toSorted(), [202, 409, 409]);
  const ended = await untilEnded(request, ada, id);
  const winner = replies.findIndex(({ status }) => status === 202) + 1;
  assert.deepEqual([ended.status, ended.output], ["succeeded", winner]);
  assert.equal(keysOf(path).length, 1);
});

test("F01 a parked effect that is declared failed fails the run, or goes the way of its onError", async () => {
  const hard = await parked("failed");
  await hard.decide({ decision: "fail" });
  const ended = await untilEnded(request, ada, hard.id);
  assert.deepEqual(
    [ended.status, ended.error?.code, ended.error?.nodeId],
    ["failed", "effect_in_doubt", "pay"],
  );
  const soft = await parked("handled", { onError: "continue" });
  await soft.decide({ decision: "fail" });
  const { status, output } = await untilEnded(request, ada, soft.id);
  assert.equal(status, "succeeded");
  assert.match(JSON.stringify(output), /"code":"effect_in_doubt"/);
  // Nobody knows whether it was paid: a retry asks before it sends anything, and then under the same key.
  const retry = await post(`/api/executions/${hard.id}/retry`);
  await untilAsked(retry.body.id);
  assert.equal(keysOf(hard.path).length, 1);
  await post(`/api/executions/${retry.body.id}/steps/decide`, { nodeId: "pay", decision: "retry" });
  assert.equal((await untilEnded(request, ada, retry.body.id)).status, "succeeded");
  const [first, second] = keysOf(hard.path);
  assert.ok(first && first === second);
});

test("F01 a decision that is taken while other branches run outlives their worker, and a second one is refused", async () => {
  const [pay, other] = ["/slow/4000/pay-beside", "/slow/4000/other"];
  const graph = chain(send("pay", pay, { repeatable: false }), send("other", other));
  const edges = graph.edges.map((edge) => ({ ...edge, source: "start" }));
  const id = await submit(request, ada, await save({ ...graph, edges }));
  await Promise.all([sink.arrival(pay), sink.arrival(other)]);
  await replaceWorkers();
  await until(async () => {
    const { body } = await request("GET", `/api/executions/${id}`, { token: ada.token });
    return body.status === "running" && (body.pendingDecisions as unknown[]).length === 1;
  });
  const decide = (output: unknown) =>
    request("POST", `/api/executions/${id}/steps/decide`, {
      token: ada.token,
      body: { nodeId: "pay", decision: "skip", output },
    });
  const first = await decide("paid");
  assert.deepEqual([first.status, first.body.status], [202, "running"]);
  assert.deepEqual([(await decide("not paid")).status], [409]);
  await replaceWorkers();
  const ended = await untilEnded(request, ada, id);
  assert.equal(ended.status, "succeeded");
  assert.equal((ended.output as { pay: unknown }).pay, "paid");
  assert.equal(keysOf(pay).length, 1);
});

const errorRuns = async (executionId: string) =>
  await asAdmin<{ id: string; workflow_id: string; status: string; input: Record<string, unknown> }>(
    database,
    "select id, workflow_id, status, input from workflow_executions where trigger_type = 'error' and input ->> 'executionId' = $1",
    [executionId],
  );

test("an error workflow runs once with what went wrong: a failing node, a run that took too long, a lost worker", async () => {
  const handler = await save(chain(transform("told", "{{ input.error.code }}")));
  const settings = { errorWorkflowId: handler };
  const fails = await save({
    ...chain({ id: "no", type: "flow.fail", config: { message: "no" } }),
    settings,
  });
  const slow = chain(send("wait", "/slow/20000/never"));
  const late = await save({ ...slow, settings: { ...settings, timeoutMs: 300 } });
  const dies = await save({ ...chain(send("hold", "/slow/8000/hold")), settings });
  const poisoned = await submit(request, ada, dies);
  await sink.arrival("/slow/8000/hold");
  await asAdmin(database, "update workflow_executions set crash_count = 2 where id = $1", [poisoned]);
  await replaceWorkers();
  const expected = { [poisoned]: "worker_lost" } as Record<string, string>;
  expected[await submit(request, ada, fails)] = "workflow_failed";
  expected[await submit(request, ada, late)] = "timeout";
  for (const [id, code] of Object.entries(expected)) {
    const ended = await untilEnded(request, ada, id);
    const [run, ...more] = await until(async () => {
      const runs = await errorRuns(id);
      return runs[0]?.status === "succeeded" && runs;
    });
    assert.equal(more.length, 0);
    assert.deepEqual([run?.workflow_id, run?.input.error], [handler, ended.error]);
    assert.equal(ended.error?.code, code);
  }
});

test("an error workflow that fails starts neither itself nor the one it names", async () => {
  const other = await save(chain());
  const settings = { errorWorkflowId: other };
  const failing = chain({ id: "no", type: "flow.fail", config: { message: "no" } });
  const handler = await save({ ...failing, settings });
  const id = await submit(request, ada, await save({ ...failing, settings: { errorWorkflowId: handler } }));
  await untilEnded(request, ada, id);
  const [run] = await until(async () => {
    const runs = await errorRuns(id);
    return runs[0]?.status === "failed" && runs;
  });
  assert.deepEqual(await errorRuns(run?.id ?? ""), []);
});

test("a fork sends what follows its node under new keys and nothing else; its input is the new one", async () => {
  const graph = chain(
    send("one", "/one"),
    send("two", "/two", { body: "{{ input }}" }),
    transform("end", "{{ input }}"),
  );
  const id = await submit(request, ada, await save(graph), { input: "first" });
  await untilEnded(request, ada, id);
  const fork = await post(`/api/executions/${id}/fork`, { fromNode: "two", input: "second" });
  assert.equal(fork.status, 202);
  assert.equal((await untilEnded(request, ada, fork.body.id)).output, "second");
  assert.equal(keysOf("/one").length, 1);
  const [first, second, ...more] = keysOf("/two");
  assert.ok(first && second && first !== second && more.length === 0, keysOf("/two").join());
});

test("two retries at once both keep what had finished, and what an onError had settled", async () => {
  const bad = send("bad", "/status/400/bad", {}, { onError: "error" });
  const graph = chain(bad, send("rescue", "/rescue"), {
    id: "no",
    type: "flow.fail",
    config: { message: "no" },
  });
  const edges = graph.edges.map((edge) =>
    edge.source === "bad" ? { ...edge, sourceHandle: "error" } : edge,
  );
  const id = await submit(request, ada, await save({ ...graph, edges }));
  assert.equal((await untilEnded(request, ada, id)).status, "failed");
  const retries = await Promise.all([1, 2].map(() => post(`/api/executions/${id}/retry`)));
  for (const { body } of retries) {
    const ended = await untilEnded(request, ada, body.id);
    assert.deepEqual([ended.status, ended.error?.nodeId], ["failed", "no"]);
    const steps = await listSteps(request, ada, body.id);
    assert.deepEqual(
      steps.map((step) => `${step.nodeId} ${step.status}`),
      ["start succeeded", "bad failed", "rescue succeeded", "no failed"],
    );
  }
  assert.deepEqual([keysOf("/status/400/bad").length, keysOf("/rescue").length], [1, 1]);
});
