// F04, F05: an api killed around its commits; the scheduler killed between a commit and its ring. Clients ask again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CRASH_POINTS } from "../../../core/domain/crash-points.ts";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES } from "../driver/stage.ts";

for (const { profile, skip } of PROFILES) {
  test(`F04 F05 api and scheduler killed at every point (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const { sink, request, trace } = stage;
    const first = await stage.start("api");
    const workflow = await stage.addWorkflow(chain(effect(sink.url, "a"), effect(sink.url, "b")));
    const { token } = await stage.person();
    await first.kill("SIGTERM");
    /** The same request again: accepted by the next api, and one execution all the same. */
    for (const point of ["api.before_submit_commit", "api.after_submit_commit"]) {
      const doomed = await stage.start("api", { CRASH_AT: `${point}:1` });
      const submitted = stage.submit(workflow, { n: stage.accepted.size });
      await doomed.ended;
      const next = await stage.start("api");
      await submitted;
      await next.kill("SIGTERM");
    }
    const doomed = await stage.start("api", { CRASH_AT: "api.after_cancel_commit:1" });
    const id = await stage.submit(workflow, { n: 2 });
    await Promise.all([
      doomed.ended,
      request("POST", `/api/executions/${id}/cancel`, { token }).catch(() => null),
    ]);
    const other = await stage.start("api", { CRASH_AT: "api.after_retry_commit:1" });
    await Promise.all([
      other.ended,
      request("POST", `/api/executions/${id}/retry`, { token }).catch(() => null),
    ]);
    // Nobody was told of the retry; it is visible all the same, and runs.
    const retried = await trace.query<{ id: string }>(
      "select id from workflow_executions where retry_of = $1",
      [id],
    );
    assert.equal(retried.length, 1);
    for (const row of retried) stage.accepted.add(row.id);

    await stage.start("api");
    const rings = ["scheduler.after_wake:1", "scheduler.after_reap:1"];
    assert.deepEqual(
      rings.map((at) => at.split(":")[0]).toSorted(),
      CRASH_POINTS.filter((p) => p.startsWith("scheduler.")).toSorted(),
    );
    // What nobody rang is found by the reconciler, which dies before it rings; so does the reaper.
    await (await stage.start("scheduler", { CRASH_AT: rings[0] ?? "" })).ended;
    const worker = await stage.start("worker", { CRASH_AT: "worker.after_step_start:1" });
    await stage.submit(workflow, { n: 4 });
    await worker.ended;
    await (await stage.start("scheduler", { CRASH_AT: rings[1] ?? "" })).ended;
    await Promise.all([stage.start("scheduler"), stage.start("worker")]);
    await stage.trace.noteWhole();
    await judge(stage, t);
  });
}
