// Traces of real processes, received by a collector on loopback: one tree from the request to the last node.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient, registerPerson } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { findFreePort } from "../support/free-port.ts";
import { type ReceivedSpan, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { createPlatform } from "../support/platform.ts";

const PATIENCE = { timeout: 90_000 };
const COUNTER = fileURLToPath(new URL("../support/count-tracing-modules.ts", import.meta.url));
const CANARY = "canary-7c1e9b";

const GRAPH = {
  nodes: [
    { id: "start", type: "trigger.manual" },
    { id: "first", type: "data.transform", data: { config: { value: { seen: "{{ input.text }}" } } } },
    { id: "stop", type: "flow.fail", data: { config: { message: "no {{ input.text }}" } } },
  ],
  edges: [
    { source: "start", target: "first" },
    { source: "first", target: "stop" },
  ],
};

async function submitOne(url: string, headers: Record<string, string> = {}) {
  const request = createClient(url);
  const { token } = await registerPerson(request);
  const workflow = await request("POST", "/api/workflows", { token, body: { name: "traced", graph: GRAPH } });
  assert.equal(workflow.status, 201, workflow.text);
  return request<{ id: string; status: string }>("POST", `/api/workflows/${workflow.body.id}/executions`, {
    token,
    body: { input: { text: CANARY } },
    headers: { prefer: "wait=20", ...headers },
  });
}

test(
  "one trace leads from the request over submission and queue to every node, and holds no data",
  PATIENCE,
  async (t) => {
    const collector = await startOtlpReceiver();
    t.after(() => collector.close());
    const { databaseUrl } = await createTestDatabase(t);
    const platform = await createPlatform({
      DATABASE_URL: databaseUrl,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    });
    t.after(() => platform.close());
    const api = await platform.start("api");
    const worker = await platform.start("worker");
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const ended = await submitOne(platform.url, { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    assert.equal(ended.body.status, "failed", ended.text);
    // A clean stop sends what is left.
    assert.equal(await worker.kill("SIGTERM"), 0, worker.log.join(""));
    assert.equal(await api.kill("SIGTERM"), 0, api.log.join(""));

    const trace = collector.spans.filter((span) => span.traceId === traceId);
    const byId = new Map(trace.map((span) => [span.spanId, span]));
    const pathOf = (span: ReceivedSpan): string => {
      const parent = byId.get(span.parentId);
      return parent ? `${pathOf(parent)} > ${span.name}` : span.name;
    };
    const request = "POST /api/workflows/:id/executions";
    const execution = `${request} > submission > queue > execution`;
    assert.deepEqual(trace.map(pathOf).sort(), [
      request,
      `${request} > submission`,
      `${request} > submission > queue`,
      execution,
      `${execution} > node data.transform`,
      `${execution} > node flow.fail`,
      `${execution} > node trigger.manual`,
    ]);
    const find = (name: string) => trace.find((span) => span.name === name) as ReceivedSpan;
    assert.equal(find(request).parentId, "b7ad6b7169203331", "the caller's span is the parent");
    assert.equal(find("submission").service, "atelier-api");
    assert.equal(find("execution").service, "atelier-worker");
    assert.equal(find("execution").attributes["atelier.execution.end"], "failed");
    const { attributes } = find("node flow.fail");
    assert.equal(attributes["atelier.execution.id"], ended.body.id);
    assert.equal(attributes["atelier.node.id"], "stop");
    assert.equal(attributes["atelier.node.attempt"], 1);
    assert.equal(attributes["atelier.node.outcome"], "failed");
    for (const span of trace) assert.ok(span.end >= span.start, span.name);
    assert.ok(!collector.bodies.some((body) => body.includes(CANARY)), "no data leaves in a span");
  },
);

test("a collector that is away costs one warning and nothing else", PATIENCE, async (t) => {
  const { databaseUrl } = await createTestDatabase(t);
  const endpoint = `http://127.0.0.1:${await findFreePort()}`;
  const platform = await createPlatform({ DATABASE_URL: databaseUrl, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
  t.after(() => platform.close());
  const api = await platform.start("api");
  const worker = await platform.start("worker");
  assert.equal((await submitOne(platform.url)).body.status, "failed");
  const warnings = () => api.log.join("").split("traces cannot be delivered").length - 1;
  for (let tries = 0; warnings() === 0; tries++) {
    assert.ok(tries < 400, api.log.join(""));
    await delay(50);
  }
  assert.equal((await submitOne(platform.url)).body.status, "failed");
  assert.equal(await worker.kill("SIGTERM"), 0, worker.log.join(""));
  assert.equal(await api.kill("SIGTERM"), 0, api.log.join(""));
  assert.equal(warnings(), 1, api.log.join(""));
});

test("without an endpoint no tracing library is loaded", PATIENCE, async () => {
  const count = async (...endpoint: string[]) =>
    Number((await promisify(execFile)(process.execPath, [COUNTER, ...endpoint])).stdout);
  assert.equal(await count(), 0);
  assert.ok((await count("http://127.0.0.1:9")) > 0, "with one it is");
});
