// F43: one tenant submits fifty times what another does and more, until it is more than the machine runs. It is told to wait, nobody else is.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { percentile } from "../../../scripts/bench/percentile.ts";
import { type Person, registerPerson } from "../../support/client.ts";
import { chain, createWorkflow } from "../../support/workflows.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES, type Stage } from "../driver/stage.ts";

const SECONDS = 30;
/** Submissions per second of the small tenant. */
const RATE = 10;
const TIMES = 50;
const MOST_BATCHES = 8;
const MAX_QUEUED = 3_000;
/** Resident memory of a role, with Node's own of about 90: nothing that grows with what is queued. */
const MAX_RSS_MB = 350;

for (const { profile, skip } of PROFILES) {
  test(`F43 a tenant's flood for ${SECONDS} s, ${TIMES} times another's submissions (${profile})`, {
    skip,
  }, async (t) => {
    const stage = await openStage({ profile }, t);
    const limits = { MAX_QUEUED: String(MAX_QUEUED), WORKER_CONCURRENCY: "20" };
    await Promise.all([stage.start("api", limits), stage.start("scheduler"), stage.start("worker", limits)]);
    const graph = chain(
      { id: "sum", type: "data.transform", config: { value: "{{ input.n + 1 }}" } },
      { id: "script", type: "code.javascript", config: { source: "return nodes.sum * 2" } },
    );
    const big = await stage.person();
    const small = await registerPerson(stage.request, "small@example.com");
    const [bigWorkflow, smallWorkflow] = [
      await stage.addWorkflow(graph),
      await createWorkflow(stage.request, small, graph),
    ];
    await sample(stage, small, smallWorkflow);
    const alone = await sample(stage, small, smallWorkflow);
    const memory = watchMemory(stage);
    const [beside, flood] = await Promise.all([
      sample(stage, small, smallWorkflow),
      submitFlood(stage, big, bigWorkflow),
    ]);
    const mostMb = await memory.stop();
    await judge(stage, t, { patienceMs: 300_000 });
    const p95 = (samples: readonly number[]) => Math.round(percentile(samples, 95));
    t.diagnostic(
      `p95 ${p95(alone)} ms alone, ${p95(beside)} ms beside the flood; ${JSON.stringify(flood)}; at most ${JSON.stringify(mostMb)} MB`,
    );
    assert.ok(flood.refused > 0, "the flood was told to wait");
    for (const [role, mb] of Object.entries(mostMb)) assert.ok(mb < MAX_RSS_MB, `${role}: ${mb} MB`);
  });
}

/** Milliseconds from each submission to its result, which each has within 20 s; submitted at fixed times. */
async function sample({ request, accepted }: Stage, { token }: Person, workflow: string): Promise<number[]> {
  const runs: Promise<number>[] = [];
  for (let n = 0; n < RATE * SECONDS; n++) {
    const started = performance.now();
    runs.push(
      request<{ id: string; status: string }>("POST", `/api/workflows/${workflow}/executions`, {
        token,
        body: { input: { n } },
        headers: { prefer: "wait=20" },
      }).then(({ status, body, text }) => {
        assert.deepEqual([status, body.status], [200, "succeeded"], text);
        accepted.add(body.id);
        return performance.now() - started;
      }),
    );
    await delay(1_000 / RATE);
  }
  return Promise.all(runs);
}

/** A batch a second, and one more each second until it is more than this machine runs. */
async function submitFlood({ request, accepted }: Stage, { token }: Person, workflow: string) {
  const inputs = Array.from({ length: RATE * TIMES }, (_, n) => ({ n }));
  const counts = { submitted: 0, refused: 0 };
  const submit = async () => {
    const path = `/api/workflows/${workflow}/executions/batch`;
    const reply = await request<{ items: { id: string }[] }>("POST", path, { token, body: { inputs } });
    if (reply.status === 202) {
      for (const { id } of reply.body.items) accepted.add(id);
      counts.submitted += inputs.length;
      return;
    }
    assert.equal(reply.status, 429, reply.text);
    const seconds = Number(reply.headers.get("retry-after"));
    assert.ok(seconds > 0, "it is told how long");
    counts.refused++;
  };
  const end = Date.now() + SECONDS * 1_000;
  for (let batches = 1; Date.now() < end; batches += counts.refused > 0 || batches === MOST_BATCHES ? 0 : 1) {
    const next = delay(1_000);
    await Promise.all(Array.from({ length: batches }, submit));
    await next;
  }
  return counts;
}

/** Megabytes at most, by role, as ps says every second. */
function watchMemory({ platform }: Stage) {
  const most: Record<string, number> = {};
  let watching = true;
  const watched = (async () => {
    while (watching) {
      for (const { role, pid } of platform.processes()) {
        const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)]);
        most[role] = Math.max(most[role] ?? 0, Math.round(Number(stdout) / 1_024));
      }
      await delay(1_000);
    }
    return most;
  })();
  return {
    stop: () => {
      watching = false;
      return watched;
    },
  };
}
