// F01: a worker killed with -9 at every point of the list. Another one goes on where it stopped.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CRASH_POINTS } from "../../core/domain/crash-points.ts";
import { chain } from "../support/workflows.ts";
import { effect, everyKind } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { FEW_PROFILES, openStage } from "./driver/stage.ts";

/** Not passed by a plain run that goes well: before_ring is in F41, the commits in commits-in-doubt, the others below. */
const OTHERS = [
  "worker.before_retry",
  "worker.after_queued",
  "worker.after_call",
  "worker.before_ring",
  "worker.before_sql_commit",
  "worker.after_sql_commit",
  "worker.after_pass_on",
];

for (const { profile, skip } of FEW_PROFILES) {
  test(`F01 a worker killed at every point (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    await stage.start("api");
    // The scheduler is not up yet: each doomed worker finds its own execution and no other.
    const runDoomed = async (workflow: string, at: string) => {
      const doomed = await stage.start("worker", { CRASH_AT: at });
      const id = await stage.submit(workflow, { n: stage.accepted.size });
      await doomed.ended;
      return id;
    };
    const workflow = await stage.addWorkflow(everyKind(stage.sink.url, await stage.addCredential()));
    const points = CRASH_POINTS.filter((point) => point.startsWith("worker.") && !OTHERS.includes(point));
    for (const point of points) {
      // Some are passed by each of its five effects and their commits, the others once.
      const often = /step|effect|commit/.test(point);
      await runDoomed(workflow, `${point}:${often ? stage.random.between(1, 5) : 1}`);
    }
    const retry = { maxAttempts: 3, backoffMs: 100 };
    const failing = effect(stage.sink.url, "status/503", { data: { retry, onError: "continue" } });
    await runDoomed(await stage.addWorkflow(chain(failing)), "worker.before_retry:2");
    const once = effect(stage.sink.url, "pay", { config: { repeatable: false } });
    const next = effect(stage.sink.url, "after-pay");
    const parked = await runDoomed(await stage.addWorkflow(chain(once, next)), "worker.in_effect:1");
    const child = await stage.addWorkflow(chain(effect(stage.sink.url, "child")));
    const sub = { id: "sub", type: "flow.subworkflow", config: { workflowId: child } };
    await runDoomed(await stage.addWorkflow(chain(sub)), "worker.after_queued:1");
    const limited = { ...chain(effect(stage.sink.url, "slow/500/limited")), settings: { concurrency: 1 } };
    const line = await stage.addWorkflow(limited);
    await Promise.all([runDoomed(line, "worker.after_call:1"), stage.submit(line, { n: "next" })]);

    await Promise.all([stage.start("scheduler"), stage.start("worker")]);
    await stage.trace.noteWhole();
    const verdict = await judge(stage, t, { parked: 1 });
    const rows = await stage.trace.query<{ id: string; status: string }>(
      "select id, status from workflow_executions",
    );
    for (const { id, status } of rows) assert.equal(status, id === parked ? "waiting" : "succeeded", id);
    // Before the claim and after the end nobody holds anything; nor is a parent held, its child, or two in a line.
    assert.equal(verdict.recoveries.length, rows.length - 2 - 4);
    const paid = stage.sink.requests.filter(({ path }) => path.startsWith("/pay/"));
    assert.equal(paid.length, 1, "an effect that must not be repeated is not");
    assert.ok(!stage.sink.requests.some(({ path }) => path.startsWith("/after-pay/")));
    const failed = stage.sink.requests.filter(({ path }) => path.startsWith("/status/503/"));
    // The second attempt's end was not written down yet: it counts as interrupted, and goes out again.
    assert.equal(failed.length, 4, "attempts are counted across the crash");
    assert.equal(new Set(failed.map(({ key }) => key)).size, 1);
  });
}

for (const { profile, skip } of FEW_PROFILES) {
  test(`F01 a worker killed when it passes the rest of a bell on, which then hangs nowhere (${profile})`, {
    skip,
  }, async (t) => {
    const stage = await openStage({ profile }, t);
    await stage.start("api");
    const doomed = await stage.start("worker", {
      WORKER_CONCURRENCY: "1",
      CRASH_AT: "worker.after_pass_on:1",
    });
    const workflow = await stage.addWorkflow(chain(effect(stage.sink.url, "slow/2000/passed-on")));
    const { token } = await stage.person();
    const path = `/api/workflows/${workflow}/executions/batch`;
    const inputs = Array.from({ length: 8 }, (_, n) => ({ n }));
    const reply = await stage.request<{ items: { id: string }[] }>("POST", path, { token, body: { inputs } });
    for (const { id } of reply.body.items) stage.accepted.add(id);
    assert.equal(stage.accepted.size, inputs.length);
    await doomed.ended;
    // Passed on under a new wake, and no other worker heard of it: one was running, none has ended.
    const rows = await stage.trace.query<{ status: string; wake: number }>(
      "select status, wake from workflow_executions",
    );
    assert.ok(rows.some(({ status, wake }) => status === "queued" && wake > 0));
    assert.ok(rows.every(({ status }) => status !== "succeeded"));
    await Promise.all([stage.start("scheduler"), stage.start("worker")]);
    await stage.trace.noteWhole();
    await judge(stage, t);
  });
}
