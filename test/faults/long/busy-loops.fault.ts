// F07: loops that never end, in a script, in an expression, and in the worker's own thread. Leases are kept, others run on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage } from "../driver/stage.ts";

const BUSY_MS = 60_000;
/** Two and a half leases. */
const BLOCK_MS = 20_000;
const OTHERS = 40;

test("F07 a script that spins for a minute, and an expression that never ends", async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  const { sink, trace } = stage;
  await Promise.all([stage.start("api"), stage.start("scheduler"), stage.start("worker")]);
  const config = { source: "for (;;);", timeoutMs: BUSY_MS };
  const script = { id: "spin", type: "code.javascript", config, data: { timeoutMs: 2 * BUSY_MS } };
  const busy = await stage.submit(await stage.addWorkflow(chain(script)));
  const endless = "{{ ($f := function($n) { $f($n + 1) }; $f(0)) }}";
  const expression = { id: "spin", type: "data.transform", config: { value: endless } };
  const recursive = await stage.submit(await stage.addWorkflow(chain(expression)));
  const square = { id: "square", type: "code.javascript", config: { source: "return input.n * input.n" } };
  const others = await stage.addWorkflow(chain(square, effect(sink.url, "slow/200/other")));
  for (let n = 0; n < OTHERS; n++) {
    await stage.submit(others, { n });
    await delay(250);
  }
  await judge(stage, t, { patienceMs: 2 * BUSY_MS });
  const rows = await trace.query<{ id: string; status: string; code: string; fence: number; at: Date }>(
    "select id, status, error ->> 'code' code, fence, finished_at at from workflow_executions order by finished_at",
  );
  const last = rows.at(-1);
  assert.deepEqual([last?.id, last?.status, last?.fence], [busy, "failed", 1], JSON.stringify(last));
  const second = rows.find(({ id }) => id === recursive);
  assert.deepEqual([second?.status, second?.code], ["failed", "expression_limit"]);
  for (const { id, status, fence } of rows) {
    if (id !== busy && id !== recursive) assert.deepEqual([status, fence], ["succeeded", 1]);
  }
  t.diagnostic(`the others had ended ${Number(last?.at) - Number(rows.at(-2)?.at)} ms before it`);
});

test(`F07 a worker whose thread is blocked for ${BLOCK_MS / 1_000} s keeps its leases`, async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  const { sink, trace } = stage;
  const hook = pathToFileURL(new URL("../driver/blocked-thread.ts", import.meta.url).pathname);
  await Promise.all([stage.start("api"), stage.start("scheduler")]);
  const settings = { FAULT_BLOCK_MS: String(BLOCK_MS), NODE_OPTIONS: `--import=${hook}` };
  const blocked = await stage.start("worker", settings);
  const workflow = await stage.addWorkflow(chain(effect(sink.url, "slow/1000/a"), effect(sink.url, "b")));
  for (let n = 0; n < 10; n++) await stage.submit(workflow, { n });
  await sink.arrival("/slow/1000/a/9");
  process.kill(blocked.pid, "SIGUSR2");
  await stage.start("worker");
  for (let n = 10; n < 10 + OTHERS; n++) await stage.submit(workflow, { n });
  await judge(stage, t);
  const taken = await trace.query(
    "select id from workflow_executions where fence <> 1 or status <> 'succeeded'",
  );
  assert.deepEqual(taken, [], "nobody took what the blocked worker held");
  assert.equal(sink.requests.length, 2 * (10 + OTHERS), "each effect went out once");
});
