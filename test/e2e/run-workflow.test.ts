// The main job over HTTP with real processes: submit, run, read, cancel, retry, keys, batches, waits, events.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type HttpSink, startHttpSink } from "../support/http-sink.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { chain, createWorkflow, listSteps, submit, untilEnded } from "../support/workflows.ts";

let database: TestDatabase;
let platform: Platform;
let sink: HttpSink;
let request: Request;
let ada: Person;

before(async () => {
  database = await createTestDatabase();
  sink = await startHttpSink();
  platform = await createPlatform({
    DATABASE_URL: database.databaseUrl,
    ALLOW_PRIVATE_EGRESS: sink.address,
  });
  await Promise.all([platform.start("api"), platform.start("worker"), platform.start("scheduler")]);
  request = createClient(platform.url);
  ada = await registerPerson(request);
});

after(async () => {
  await platform?.close();
  await sink?.close();
  await database?.drop();
});

const purchase = {
  nodes: [
    { id: "start", type: "trigger.manual" },
    {
      id: "total",
      type: "data.transform",
      data: { config: { value: "{{ $sum(input.lines.(qty * price)) }}" } },
    },
    { id: "big", type: "flow.condition", data: { config: { when: "{{ nodes.total > 100 }}" } } },
    { id: "lines", type: "flow.forEach", data: { config: { items: "{{ input.lines }}", concurrency: 2 } } },
    {
      id: "reserve",
      type: "http.request",
      data: {
        config: { method: "POST", url: "{{ input.shop & '/reserve/' & item.sku }}", body: "{{ item }}" },
      },
    },
    {
      id: "reserved",
      type: "data.transform",
      data: {
        config: {
          value: { sku: "{{ item.sku }}", line: "{{ index }}", at: "{{ nodes.reserve.body.path }}" },
        },
      },
    },
    { id: "small", type: "data.transform", data: { config: { value: "no approval" } } },
    { id: "done", type: "flow.merge" },
  ],
  edges: [
    { source: "start", target: "total" },
    { source: "total", target: "big" },
    { source: "big", sourceHandle: "true", target: "lines" },
    { source: "big", sourceHandle: "false", target: "small" },
    { source: "lines", sourceHandle: "item", target: "reserve" },
    { source: "reserve", target: "reserved" },
    { source: "lines", sourceHandle: "done", target: "done" },
    { source: "small", target: "done" },
  ],
};

test("a purchase order runs through transform, condition, loop, HTTP and merge", async () => {
  const workflow = await createWorkflow(request, ada, purchase);
  const lines = [
    { sku: "a", qty: 2, price: 40 },
    { sku: "b", qty: 1, price: 30 },
  ];
  const id = await submit(request, ada, workflow, { input: { lines, shop: sink.url } });
  const execution = await untilEnded(request, ada, id);
  assert.deepEqual(execution.error, null);
  assert.deepEqual(execution.output, [
    { sku: "a", line: 0, at: "/reserve/a" },
    { sku: "b", line: 1, at: "/reserve/b" },
  ]);
  const steps = await listSteps(request, ada, id);
  assert.deepEqual(
    steps.map((step) => `${step.nodeId}${step.iteration && `[${step.iteration}]`} ${step.status}`).sort(),
    [
      "big succeeded",
      "done succeeded",
      "lines succeeded",
      "reserve[0] succeeded",
      "reserve[1] succeeded",
      "reserved[0] succeeded",
      "reserved[1] succeeded",
      "start succeeded",
      "total succeeded",
    ],
  );
  const keys = sink.requests.map((received) => received.key);
  assert.equal(new Set(keys).size, 2, "each line has its own idempotency key");
  assert.match(keys[0] ?? "", /^[0-9a-f]{64}$/);
});

test("the branch not taken does not run", async () => {
  const workflow = await createWorkflow(request, ada, purchase);
  const id = await submit(request, ada, workflow, {
    input: { lines: [{ sku: "c", qty: 1, price: 5 }], shop: sink.url },
  });
  assert.equal((await untilEnded(request, ada, id)).output, "no approval");
  assert.equal(sink.count("/reserve/c"), 0);
});

test("Prefer: wait answers with the whole execution when it ends in time, 202 when it does not", async () => {
  const quick = await createWorkflow(
    request,
    ada,
    chain({ id: "add", type: "data.transform", config: { value: "{{ input.a + 1 }}" } }),
  );
  const path = (workflow: string) => `/api/workflows/${workflow}/executions`;
  const headers = { prefer: "wait=20" };
  const done = await request("POST", path(quick), { token: ada.token, body: { input: { a: 41 } }, headers });
  assert.equal(done.status, 200, done.text);
  assert.equal(done.body.output, 42);
  assert.equal(done.headers.get("preference-applied"), "wait=20");

  const slow = await createWorkflow(
    request,
    ada,
    chain({ id: "call", type: "http.request", config: { url: `${sink.url}/slow/3000/wait` } }),
  );
  const late = await request("POST", path(slow), {
    token: ada.token,
    body: {},
    headers: { prefer: "wait=1" },
  });
  assert.equal(late.status, 202, late.text);
  assert.equal(late.headers.get("location"), `/api/executions/${late.body.id}`);
});

test("the same Idempotency-Key gives one execution, also 100 times at once; another body is refused", async () => {
  const workflow = await createWorkflow(
    request,
    ada,
    chain({ id: "echo", type: "data.transform", config: { value: "{{ input.n }}" } }),
  );
  const headers = { "idempotency-key": "order-1" };
  const ids = await Promise.all(
    Array.from({ length: 100 }, () => submit(request, ada, workflow, { input: { n: 1 } }, headers)),
  );
  assert.equal(new Set(ids).size, 1);
  const other = await request("POST", `/api/workflows/${workflow}/executions`, {
    token: ada.token,
    body: { input: { n: 2 } },
    headers,
  });
  assert.equal(other.status, 422);
  assert.equal(other.body.code, "idempotency_mismatch");
});

test("a batch of 1,000 is accepted in order and all of it runs", async () => {
  const workflow = await createWorkflow(
    request,
    ada,
    chain({ id: "echo", type: "data.transform", config: { value: "{{ input.n }}" } }),
  );
  const inputs = Array.from({ length: 1_000 }, (_, n) => ({ n }));
  const reply = await request<{ items: { id: string }[] }>(
    "POST",
    `/api/workflows/${workflow}/executions/batch`,
    {
      token: ada.token,
      body: { inputs },
    },
  );
  assert.equal(reply.status, 202, reply.text);
  assert.equal(reply.body.items.length, 1_000);
  for (const at of [0, 500, 999]) {
    assert.equal((await untilEnded(request, ada, reply.body.items[at]?.id ?? "")).output, at);
  }
});

test("a failing node fails the execution with its code; onError continue and error go on", async () => {
  const url = `${sink.url}/status/404/x`;
  const failing = await createWorkflow(
    request,
    ada,
    chain({ id: "call", type: "http.request", config: { url } }),
  );
  const failed = await untilEnded(request, ada, await submit(request, ada, failing));
  assert.equal(failed.status, "failed");
  assert.equal(failed.error?.code, "http_status");
  assert.equal(failed.error?.nodeId, "call");

  const lenient = chain(
    { id: "call", type: "http.request", config: { url }, data: { onError: "continue" } },
    { id: "after", type: "data.transform", config: { value: "{{ nodes.call.error.code }}" } },
  );
  const continued = await untilEnded(
    request,
    ada,
    await submit(request, ada, await createWorkflow(request, ada, lenient)),
  );
  assert.equal(continued.output, "http_status");
});

test("cancel stops a running execution; a second cancel and a cancel of a finished one are refused", async () => {
  const workflow = await createWorkflow(
    request,
    ada,
    chain({ id: "call", type: "http.request", config: { url: `${sink.url}/slow/60000/cancel` } }),
  );
  const id = await submit(request, ada, workflow);
  await sink.arrival("/slow/60000/cancel");
  const cancel = () => request("POST", `/api/executions/${id}/cancel`, { token: ada.token });
  assert.equal((await cancel()).status, 202);
  const ended = await untilEnded(request, ada, id);
  assert.equal(ended.status, "cancelled");
  assert.equal((await cancel()).status, 409);
});

test("retry makes a new execution that does not repeat what had finished", async () => {
  const graph = chain(
    { id: "first", type: "http.request", config: { url: `${sink.url}/once` } },
    { id: "second", type: "http.request", config: { url: "{{ input.url }}" } },
  );
  const workflow = await createWorkflow(request, ada, graph);
  const id = await submit(request, ada, workflow, { input: { url: `${sink.url}/status/500/again` } });
  assert.equal((await untilEnded(request, ada, id)).status, "failed");
  const reply = await request<{ id: string; retryOf: string }>("POST", `/api/executions/${id}/retry`, {
    token: ada.token,
  });
  assert.equal(reply.status, 202, reply.text);
  assert.equal(reply.body.retryOf, id);
  assert.equal((await untilEnded(request, ada, reply.body.id)).status, "failed");
  assert.equal(sink.count("/once"), 1);
  const keys = sink.requests
    .filter((received) => received.path === "/status/500/again")
    .map((received) => received.key);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1], "no definitive answer had come: the effect goes out under its old key");
});

test("an expression bomb fails its execution with expression_limit and leaves the worker working", async () => {
  const bomb = chain({ id: "bomb", type: "data.transform", config: { value: "{{ $pad('x', 200000000) }}" } });
  const id = await submit(request, ada, await createWorkflow(request, ada, bomb));
  const ended = await untilEnded(request, ada, id);
  assert.equal(ended.status, "failed");
  assert.equal(ended.error?.code, "expression_limit");
});

test("a node's output over 1 MB fails with output_too_large", async () => {
  const big = chain({ id: "big", type: "data.transform", config: { value: "{{ $pad('x', 1100000) }}" } });
  const ended = await untilEnded(
    request,
    ada,
    await submit(request, ada, await createWorkflow(request, ada, big)),
  );
  assert.equal(ended.error?.code, "output_too_large");
});

test("egress to this host is denied unless allowed", async () => {
  const own = chain({ id: "call", type: "http.request", config: { url: `${platform.url}/healthz` } });
  const ended = await untilEnded(
    request,
    ada,
    await submit(request, ada, await createWorkflow(request, ada, own)),
  );
  assert.equal(ended.error?.code, "egress_denied");
});
