// F23: the queue delivers five times, in disorder, what has ended, what never was, and what is no ring at all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionQueue } from "../../core/queue/execution-queue.ts";
import type { QueueBackend } from "../../core/queue/queue-backend.ts";
import { chain } from "../support/workflows.ts";
import { effect } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { FEW_PROFILES, openStage, type Stage } from "./driver/stage.ts";

const RUNS = 40;
const COPIES = 5;

for (const { profile, skip } of FEW_PROFILES) {
  test(`F23 rings that are duplicated, reordered, stale and corrupt (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const { sink, random } = stage;
    await Promise.all([
      stage.start("api"),
      stage.start("scheduler"),
      stage.start("worker"),
      stage.start("worker"),
    ]);
    const queue = createExecutionQueue(backendOf(stage));
    t.after(() => queue.close());
    const add = (data: unknown) =>
      queue.bull.add("execution", data as { executionId: string }, { attempts: 1 });
    const ringOften = (ids: readonly string[]) => {
      const rings = ids.flatMap((id) => Array.from({ length: COPIES }, () => id));
      const shuffled = rings.map((id) => ({ id, at: random.next() })).toSorted((a, b) => a.at - b.at);
      return Promise.all(shuffled.map(({ id }) => add({ executionId: id })));
    };
    const workflow = await stage.addWorkflow(chain(effect(sink.url, "slow/100/a"), effect(sink.url, "b")));
    const ids = await Promise.all(Array.from({ length: RUNS }, (_, n) => stage.submit(workflow, { n })));
    const corrupt = [
      null,
      {},
      "text",
      { executionId: 7 },
      { executionId: "no id" },
      { executionId: { a: 1 } },
    ];
    await Promise.all([ringOften(ids), ...corrupt.map(add), add({ executionId: uuidv7() })]);
    await judge(stage, t);
    // Once more, now that all have ended.
    await ringOften(ids.slice(0, 10));
    while ((await queue.countWaiting()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await judge(stage, t);
    assert.equal(sink.requests.length, RUNS * 2, "each effect went out once");
    assert.equal(stage.platform.processes().length, 4, "no role died of it");
  });
}

/** Past the bad lines: these rings are the fault. */
function backendOf({ redis, trace }: Stage): QueueBackend {
  if (redis) return { kind: "redis", redisUrl: redis.url };
  return { kind: "postgres", databaseUrl: trace.databaseUrl, role: "atelier_api" };
}
