// Effects that must not be repeated, at a sink that counts: silence, resets, time-outs, siblings that fail, cancels, retries.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type HttpSink, startHttpSink } from "../support/http-sink.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import {
  chain,
  createWorkflow,
  type DrawnNode,
  type ExecutionView,
  listSteps,
  submit,
  untilEnded,
} from "../support/workflows.ts";

const RETRY = { maxAttempts: 3, backoffMs: 10, maxBackoffMs: 20 };

let database: TestDatabase;
let platform: Platform;
let sink: HttpSink;
let request: Request;
let ada: Person;

before(async () => {
  database = await createTestDatabase();
  sink = await startHttpSink();
  // Nobody listens at port 1: refused before anything is sent.
  const allowed = `${sink.address},127.0.0.1:1`;
  platform = await createPlatform({ DATABASE_URL: database.databaseUrl, ALLOW_PRIVATE_EGRESS: allowed });
  await Promise.all([platform.start("api"), platform.start("scheduler"), platform.start("worker")]);
  request = createClient(platform.url);
  ada = await registerPerson(request);
});
after(async () => {
  await platform?.close();
  await sink?.close();
  await database?.drop();
});

const post = async (path: string, body?: unknown) => {
  const reply = await request<{ id: string; code?: string }>("POST", path, { token: ada.token, body });
  assert.equal(reply.status, 202, reply.text);
  return reply.body.id;
};
const start = async (graph: unknown, input: unknown = null) =>
  submit(request, ada, await createWorkflow(request, ada, graph), { input });
const send = (id: string, path: string, config: object = {}, data: object = {}): DrawnNode => ({
  ...{ id, type: "http.request", data: { ...data } },
  config: { method: "POST", url: `${sink.url}${path}`, body: { n: 1 }, ...config },
});
/** A payment that must not go out twice, with every chance to. */
const pay = (path: string, config: object = {}, data: object = {}) =>
  send("pay", path, { repeatable: false, ...config }, { retry: RETRY, ...data });
const value = (id: string, given: unknown) => ({ id, type: "data.transform", config: { value: given } });
const keysOf = (path: string) => sink.requests.filter((one) => one.path === path).map(({ key }) => key);
const decide = (id: string, decision: object) =>
  post(`/api/executions/${id}/steps/decide`, { nodeId: "pay", ...decision });

type View = ExecutionView & { pendingDecisions: { nodeId: string }[] };

/** Until it waits for a person's word on this node. */
async function untilAsked(id: string, nodeId = "pay"): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; ) {
    const { body, text } = await request<View>("GET", `/api/executions/${id}`, { token: ada.token });
    const names = body.pendingDecisions.map((decision) => decision.nodeId);
    if (body.status === "waiting" && names.join() === nodeId) return;
    assert.ok(!["succeeded", "failed", "cancelled"].includes(body.status), text);
    assert.ok(Date.now() < deadline, text);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const stepOf = async (id: string, nodeId = "pay") => {
  const steps = await listSteps(request, ada, id);
  return steps.findLast((step) => step.nodeId === nodeId)?.status;
};

test("F44 an unanswered payment goes out once and is parked: silence, time-outs, resets; past retry and onError", async () => {
  const cases: [string, DrawnNode][] = [
    ["/silent/own-time", pay("/silent/own-time", { timeoutMs: 200 }, { onError: "continue" })],
    ["/silent/node-time", pay("/silent/node-time", {}, { timeoutMs: 200, onError: "error" })],
    ["/reset/pay", pay("/reset/pay", {}, { onError: "continue" })],
    ["/truncated/pay", pay("/truncated/pay")],
  ];
  for (const [path, node] of cases) {
    const { nodes, edges } = chain(node, value("after", "went on"));
    const rescue = { id: "rescue", type: "data.transform", data: { config: { value: "rescued" } } };
    const drawn = {
      nodes: [...nodes, rescue],
      edges: [...edges, { source: "pay", sourceHandle: "error", target: "rescue" }],
    };
    const id = await start(node.data?.onError === "error" ? drawn : chain(node, value("after", "went on")));
    await untilAsked(id);
    assert.equal(await stepOf(id), "unknown");
    await decide(id, { decision: "skip", output: "paid" });
    const ended = await untilEnded(request, ada, id);
    assert.deepEqual([ended.status, ended.output, sink.count(path)], ["succeeded", "went on", 1]);
  }
});

test("F44 a definitive answer to a payment is an ordinary failure: tried again, and its onError applies", async () => {
  const busy = await start(
    chain(pay("/status/503/pay", {}, { onError: "continue" }), value("after", "went on")),
  );
  assert.equal((await untilEnded(request, ada, busy)).output, "went on");
  assert.equal(sink.count("/status/503/pay"), 3);
  const refused = await start(chain(pay("", { url: "http://127.0.0.1:1/" })));
  assert.equal((await untilEnded(request, ada, refused)).error?.code, "egress_connection_failed");
  assert.equal((await listSteps(request, ada, refused)).filter(({ nodeId }) => nodeId === "pay").length, 3);
});

/** A payment beside a branch that fails once the payment is out, unless the input says otherwise. */
function beside(path: string) {
  const nodes = [
    pay(path),
    send("slow", `/slow/400${path}`),
    { id: "bad", type: "flow.condition", config: { when: "{{ input.fail }}" } },
    { id: "no", type: "flow.fail", config: { message: "no" } },
  ];
  const { nodes: drawn } = chain(...nodes);
  const edges = [
    { source: "start", target: "pay" },
    { source: "start", target: "slow" },
    { source: "slow", target: "bad" },
    { source: "bad", sourceHandle: "true", target: "no" },
  ];
  return { nodes: drawn, edges };
}

test("F45 a sibling that fails while a payment is out leaves it unknown; retry and fork ask before they send", async () => {
  const path = "/silent/sibling";
  const id = await start(beside(path), { fail: true });
  assert.equal((await untilEnded(request, ada, id)).error?.nodeId, "no");
  assert.equal(await stepOf(id), "unknown");
  // The same input fails the same way, and the payment stays what it was.
  const retried = await post(`/api/executions/${id}/retry`);
  assert.equal((await untilEnded(request, ada, retried)).status, "failed");
  assert.equal(await stepOf(retried), "unknown");
  const forked = await post(`/api/executions/${retried}/fork`, { fromNode: "slow", input: { fail: false } });
  await untilAsked(forked);
  assert.equal(sink.count(path), 1, "nobody has sent it again");
  await decide(forked, { decision: "retry" });
  await sink.arrival(path);
  while (sink.count(path) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  const [first, second] = keysOf(path);
  assert.equal(first, second, "no definitive answer had come: the old key");
  await post(`/api/executions/${forked}/cancel`);
  await untilEnded(request, ada, forked);
});

test("F45 a cancel and the run's time limit while a payment is out leave it unknown, and a retry asks", async () => {
  for (const how of ["cancel", "limit"]) {
    const path = `/silent/${how}`;
    const settings = how === "limit" ? { settings: { timeoutMs: 500 } } : {};
    const id = await start({ ...chain(pay(path)), ...settings });
    await sink.arrival(path);
    if (how === "cancel") await post(`/api/executions/${id}/cancel`);
    assert.equal((await untilEnded(request, ada, id)).status, how === "cancel" ? "cancelled" : "failed");
    assert.equal(await stepOf(id), "unknown");
    const again = await post(
      `/api/executions/${id}/${how === "cancel" ? "retry" : "fork"}`,
      how === "cancel" ? undefined : { fromNode: "pay" },
    );
    if (how === "limit") {
      // Its time is over before anybody says a word; it ends, and still nothing is sent.
      assert.equal((await untilEnded(request, ada, again)).error?.code, "timeout");
    } else {
      await untilAsked(again);
      await decide(again, { decision: "fail" });
      assert.equal((await untilEnded(request, ada, again)).error?.code, "effect_in_doubt");
    }
    assert.equal(sink.count(path), 1);
  }
});

test("F44 an idempotent call that timed out is sent again under its key: by its policy, and by a person's retry", async () => {
  const path = "/silent/idempotent";
  const retry = { ...RETRY, maxAttempts: 2 };
  const id = await start(chain(send("call", path, { timeoutMs: 200 }, { retry })));
  assert.equal((await untilEnded(request, ada, id)).error?.code, "timeout");
  const again = await post(`/api/executions/${id}/retry`);
  await untilEnded(request, ada, again);
  // The retry's own attempts are two again: the copied one counts for the journal, not against the policy.
  assert.deepEqual([keysOf(path).length, new Set(keysOf(path)).size], [4, 1]);
  const forked = await post(`/api/executions/${again}/fork`, { fromNode: "start" });
  await untilEnded(request, ada, forked);
  assert.equal(new Set(keysOf(path)).size, 1);
});

test("F45 a sub-workflow in which a payment went out is not made again by itself, nor by a retry that nobody was asked for", async () => {
  const child = await createWorkflow(
    request,
    ada,
    chain(pay("/sub-pay"), { id: "no", type: "flow.fail", config: { message: "no" } }),
  );
  const sub = { id: "sub", type: "flow.subworkflow", config: { workflowId: child }, data: { retry: RETRY } };
  const id = await start(chain(sub));
  assert.equal((await untilEnded(request, ada, id)).error?.code, "child_failed");
  const again = await post(`/api/executions/${id}/retry`);
  await untilAsked(again, "sub");
  assert.equal(sink.count("/sub-pay"), 1);
  await post(`/api/executions/${again}/steps/decide`, { nodeId: "sub", decision: "skip", output: "done" });
  assert.equal((await untilEnded(request, ada, again)).output, "done");
  assert.equal(sink.count("/sub-pay"), 1);
});
