// F01: a worker killed with -9 at every point of the list. Another one goes on where it stopped.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CRASH_POINTS } from "../../core/domain/crash-points.ts";
import { everyKind } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { openStage, PROFILES } from "./driver/stage.ts";

/** Those that no plain run passes have tests of their own. */
const ELSEWHERE = ["worker.before_retry", "worker.before_ring"];

for (const { profile, skip } of PROFILES) {
  test(`F01 a worker killed at every point (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    await stage.start("api");
    const workflow = await stage.addWorkflow(everyKind(stage.sink.url));
    const points = CRASH_POINTS.filter((point) => point.startsWith("worker.") && !ELSEWHERE.includes(point));
    // The scheduler is not up yet: each doomed worker finds its own execution and no other.
    const ids = new Map<string, string>();
    for (const point of points) {
      // Passed once per execution, or several times: by any of its effects and commits.
      const often = ["step", "effect", "commit"].some((word) => point.includes(word));
      const at = `${point}:${often ? stage.random.between(1, 4) : 1}`;
      const doomed = await stage.start("worker", { CRASH_AT: at });
      ids.set(at, await stage.submit(workflow, { n: ids.size }));
      await doomed.ended;
    }
    await Promise.all([stage.start("scheduler"), stage.start("worker")]);
    const verdict = await judge(stage, t);
    const ends = await stage.trace.query<{ id: string; status: string; fence: number }>(
      "select id, status, fence from workflow_executions",
    );
    for (const [at, id] of ids) {
      const end = ends.find((row) => row.id === id);
      assert.equal(end?.status, "succeeded", at);
    }
    // Before the claim and after the end nobody holds anything.
    assert.equal(verdict.recoveries.length, points.length - 2);
  });
}
