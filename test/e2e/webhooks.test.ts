// Webhooks over real processes: the answer a workflow gives its caller, and what it may not do with it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { createWorkflow, untilEnded } from "../support/workflows.ts";

let database: TestDatabase;
let platform: Platform;
let request: Request;
let owner: Person;

before(async () => {
  database = await createTestDatabase();
  platform = await createPlatform({ DATABASE_URL: database.databaseUrl });
  await Promise.all([platform.start("api"), platform.start("worker")]);
  request = createClient(platform.url);
  owner = await registerPerson(request);
});
after(async () => {
  await platform?.close();
  await database?.drop();
});

type DrawnNode = { id: string; type: string; config?: Record<string, unknown> };

/** trigger.webhook "hook", then these one after the other, and settings last. Resolves to the path to post to. */
async function addHook(...parts: (DrawnNode | { labels: string[] })[]): Promise<string> {
  const nodes = parts.filter((part) => "id" in part);
  const settings = parts.find((part) => "labels" in part);
  const all: DrawnNode[] = [{ id: "hook", type: "trigger.webhook" }, ...nodes];
  const workflowId = await createWorkflow(request, owner, {
    nodes: all.map(({ id, type, config = {} }) => ({ id, type, data: { config } })),
    edges: all.slice(1).map((node, index) => ({ source: all[index]?.id, target: node.id })),
    ...(settings && { settings }),
  });
  const body = { workflowId, verify: { type: "none" } };
  const made = await request<{ token: string }>("POST", "/api/webhooks", { token: owner.token, body });
  return `/hooks/${made.body.token}`;
}

const echo = { id: "echo", type: "data.transform", config: { value: { got: "{{ input }}" } } };
const respond = (config: Record<string, unknown>) => ({ id: "answer", type: "flow.respond", config });

test("with Prefer: wait the caller gets the output, and without it the id of what will run", async () => {
  const path = await addHook(echo);
  const waited = await request("POST", path, { body: { n: 1 }, headers: { prefer: "wait=30" } });
  assert.deepEqual([waited.status, waited.body], [200, { got: { n: 1 } }]);
  const { status, body } = await request("POST", path, { body: { n: 2 } });
  assert.equal(status, 202);
  const ended = await untilEnded(request, owner, String(body.executionId));
  assert.deepEqual([ended.status, ended.output], ["succeeded", { got: { n: 2 } }]);
});

test("flow.respond answers as soon as it has run, while the workflow goes on", async () => {
  const config = {
    status: 201,
    headers: { "X-Custom-Order": "{{ input.id }}" },
    body: { seen: "{{ input.id }}" },
  };
  const path = await addHook(respond(config), { id: "wait", type: "flow.wait", config: { ms: 3_600_000 } });
  const reply = await request("POST", path, { body: { id: "A7" } });
  assert.deepEqual([reply.status, reply.body], [201, { seen: "A7" }]);
  assert.equal(reply.headers.get("x-custom-order"), "A7");
  const id = String(reply.headers.get("execution-id"));
  const run = await request("GET", `/api/executions/${id}`, { token: owner.token });
  assert.match(String(run.body.status), /^(running|waiting)$/);
});

test("the same delivery hears the same answer again, from one execution", async () => {
  const path = await addHook(respond({ body: "{{ execution.id }}" }));
  const headers = { "idempotency-key": "k1" };
  const replies = [await request("POST", path, { headers }), await request("POST", path, { headers })];
  const [first, again] = replies.map((reply) => [
    reply.status,
    reply.text,
    reply.headers.get("execution-id"),
  ]);
  assert.equal(first?.[0], 200);
  assert.deepEqual(again, first);
});

test("wait=0 is answered at once, whatever the workflow has to say", async () => {
  const path = await addHook(respond({ body: "late" }));
  const reply = await request("POST", path, { headers: { prefer: "wait=0" } });
  assert.deepEqual([reply.status, Object.keys(reply.body)], [202, ["executionId"]]);
});

test("a workflow that fails is 502 to a caller who waits, without a word of what went wrong", async () => {
  const path = await addHook({ id: "no", type: "flow.fail", config: { message: "the secret is 4711" } });
  const reply = await request("POST", path, { headers: { prefer: "wait=30" } });
  assert.deepEqual([reply.status, reply.body.code], [502, "execution_failed"]);
  assert.equal(reply.text.includes("4711"), false);
});

test("A52: HTML and SVG of a workflow are for saving, without scripts, origin or guesses about their type", async () => {
  const page = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
  for (const [type, disposition] of [
    ["text/html; charset=utf-8", "attachment"],
    ["image/svg+xml", "attachment"],
    ["application/xhtml+xml", "attachment"],
    ["text/html,application/json", "attachment"],
    ["text/plain", null],
    [undefined, null],
  ] as const) {
    const headers = type === undefined ? {} : { "Content-Type": type };
    const reply = await request("POST", await addHook(respond({ headers, body: page })));
    assert.deepEqual([reply.status, reply.text], [200, page]);
    assert.equal(reply.headers.get("content-type"), type ?? "text/plain; charset=utf-8");
    assert.equal(reply.headers.get("content-disposition"), disposition, type);
    assert.equal(reply.headers.get("x-content-type-options"), "nosniff");
    assert.match(String(reply.headers.get("content-security-policy")), /default-src 'none'; sandbox/);
    assert.deepEqual(reply.headers.getSetCookie(), []);
    assert.equal(reply.headers.get("access-control-allow-origin"), null);
  }
});

test("A52: a header that a delivery smuggles into an expression fails the run, and never goes out", async () => {
  const path = await addHook(respond({ headers: { "X-Custom-Name": "{{ input.name }}" }, body: "hello" }));
  const reply = await request("POST", path, { body: { name: "a\r\nset-cookie: session=1" } });
  assert.deepEqual([reply.status, reply.body.code], [502, "execution_failed"]);
  assert.deepEqual(reply.headers.getSetCookie(), []);
});

test("A35: what looks like an expression in a delivery is data", async () => {
  const path = await addHook(echo, respond({ body: "{{ nodes.echo }}" }));
  const body = { a: "{{7*7}}", b: "{{ execution.id }}", "{{7*7}}": ["<%= 7*7 %>"] };
  const reply = await request("POST", path, { body });
  assert.deepEqual(reply.body, { got: body });
});

test("S70: an answer that holds labelled data is in the log as a read of the webhook's owner before it goes out", async () => {
  const path = await addHook(respond({ body: "{{ input }}" }), { labels: ["phi"] });
  const reply = await request("POST", path, { body: { name: "Ada" } });
  assert.deepEqual([reply.status, reply.body], [200, { name: "Ada" }]);
  const id = reply.headers.get("execution-id");
  type Entries = { items: { action: string; actorId: string; details: unknown }[] };
  const log = await request<Entries>("GET", `/api/audit-logs?targetId=${id}`, { token: owner.token });
  const reads = log.body.items.filter(({ action }) => action === "execution.read");
  assert.deepEqual(
    reads.map(({ actorId, details }) => [actorId, details]),
    [[owner.userId, { how: "wait", labels: ["phi"] }]],
  );
});
