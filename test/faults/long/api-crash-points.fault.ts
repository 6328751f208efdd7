// F04, F05: an api killed around its commits; the scheduler killed between a commit and its ring. Clients ask again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CRASH_POINTS, type CrashPoint } from "../../../core/domain/crash-points.ts";
import type { RoleProcess } from "../../support/platform.ts";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES, type Stage } from "../driver/stage.ts";

const PATIENCE_MS = 30_000;

for (const { profile, skip } of PROFILES) {
  test(`F04 F05 an api killed at every point (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const { sink, trace } = stage;
    const points = new Set(CRASH_POINTS.filter((point) => point.startsWith("api.")));
    const first = await stage.start("api");
    const workflow = await stage.addWorkflow(chain(effect(sink.url, "a"), effect(sink.url, "b")));
    const once = effect(sink.url, "once", { config: { repeatable: false } });
    const risky = await stage.addWorkflow(chain(once));
    const ask = { id: "ask", type: "flow.approval", config: { message: "Go on?" } };
    const asking = chain(ask, effect(sink.url, "approved"));
    const [, edge] = asking.edges;
    const asked = await stage.addWorkflow({
      ...asking,
      edges: [asking.edges[0], { ...edge, sourceHandle: "approved" }],
    });
    // First of all, so that the effect in doubt is the only one its worker meets.
    const doomed = await stage.start("worker", { CRASH_AT: "worker.in_effect:1" });
    const parked = await stage.submit(risky, { n: "x" });
    await untilDead(doomed);
    await first.kill("SIGTERM");
    /** Until it has died there, `act` goes on; then the next one answers what the first has not. */
    const dyingAt = async <Result>(point: CrashPoint, act: () => Promise<Result>): Promise<Result> => {
      assert.ok(points.delete(point));
      const doomed = await stage.start("api", { CRASH_AT: `${point}:1` });
      const acted = act();
      await untilDead(doomed);
      const next = await stage.start("api");
      const result = await acted;
      await next.kill("SIGTERM");
      return result;
    };
    const submit = () => stage.submit(workflow, { n: stage.accepted.size });
    // The same request again: accepted by the next api, and one execution all the same.
    await dyingAt("api.before_submit_commit", submit);
    const id = await dyingAt("api.after_submit_commit", submit);
    await dyingAt("api.after_cancel_commit", () => post(stage, `executions/${id}/cancel`));
    await dyingAt("api.after_retry_commit", () => post(stage, `executions/${id}/retry`));
    await dyingAt("api.after_fork_commit", () =>
      post(stage, `executions/${id}/fork`, { fromNode: "call_a" }),
    );
    await dyingAt("api.after_trigger_commit", async () => {
      const { token } = await stage.person();
      const body = { workflowId: workflow, cron: "0 0 1 1 *", input: { n: "by hand" } };
      const made = await stage.request<{ id: string }>("POST", "/api/schedules", { token, body });
      await post(stage, `schedules/${made.body.id}/trigger`);
    });
    // Nobody was told of these three; they are there all the same, and run.
    const copies = await trace.query<{ id: string }>(
      "select id from workflow_executions where retry_of = $1 or fork_of = $1 or trigger_type = 'schedule'",
      [id],
    );
    assert.equal(copies.length, 3);
    for (const copy of copies) stage.accepted.add(copy.id);

    const api = await stage.start("api");
    const approved = await stage.submit(asked, { n: "y" });
    await Promise.all([stage.start("scheduler"), stage.start("worker")]);
    await trace.noteWhole();
    for (const id of [parked, approved]) await until(stage, "id = $1 and status = 'waiting'", id);
    await api.kill("SIGTERM");
    const skipping = { nodeId: once.id, decision: "skip", output: null };
    await dyingAt("api.after_decision_commit", () =>
      post(stage, `executions/${parked}/steps/decide`, skipping),
    );
    const [approval] = await trace.query<{ id: string }>("select id from approvals");
    const yes = { decision: "approve" };
    await dyingAt("api.after_approval_commit", () => post(stage, `approvals/${approval?.id}`, yes));
    assert.deepEqual([...points], []);
    await stage.start("api");
    await judge(stage, t);
    assert.equal(sink.count("/once/x"), 1);
    assert.equal(sink.count("/approved/y"), 1);
  });

  test(`F05 a scheduler killed at every point (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const { sink } = stage;
    // Those of firing need slots that are due: F31 kills there.
    const points = new Set(CRASH_POINTS.filter((point) => /^scheduler\.(?!.*_fire_)/.test(point)));
    const killAt = async (point: CrashPoint) => {
      assert.ok(points.delete(point));
      await untilDead(await stage.start("scheduler", { CRASH_AT: `${point}:1` }));
    };
    await stage.start("api");
    const plain = await stage.addWorkflow(chain(effect(sink.url, "a"), effect(sink.url, "b")));
    const pause = { id: "pause", type: "flow.wait", config: { ms: 2_000 } };
    const waits = await stage.addWorkflow(chain(pause, effect(sink.url, "after")));
    const limited = { ...chain(effect(sink.url, "slow/500/limited")), settings: { concurrency: 1 } };
    const line = await stage.addWorkflow(limited);
    const runDoomed = async (workflow: string, at: string, runs: number) => {
      const doomed = await stage.start("worker", { CRASH_AT: at });
      await Promise.all(
        Array.from({ length: runs }, (_, n) => stage.submit(workflow, { n: `${stage.accepted.size} ${n}` })),
      );
      await untilDead(doomed);
    };
    // The worker dies before it gives the place of what has ended to the one behind it.
    await runDoomed(line, "worker.after_finish:1", 2);
    await killAt("scheduler.after_call");
    // Its bell was taken, and with it the worker died.
    await runDoomed(plain, "worker.after_ring:1", 1);
    await killAt("scheduler.after_wake");
    await runDoomed(plain, "worker.after_step_start:1", 1);
    await killAt("scheduler.after_reap");
    const worker = await stage.start("worker");
    const waiting = await stage.submit(waits, { n: "w" });
    await until(stage, "id = $1 and status = 'waiting'", waiting);
    await killAt("scheduler.after_due");
    assert.deepEqual([...points], []);
    await worker.kill("SIGTERM");
    await Promise.all([stage.start("scheduler"), stage.start("worker")]);
    await stage.trace.noteWhole();
    await judge(stage, t);
  });
}

/** Nobody may answer: what was asked for is looked for in the tables. */
async function post(stage: Stage, path: string, body?: object): Promise<void> {
  const { token } = await stage.person();
  await stage.request("POST", `/api/${path}`, { token, body }).catch(() => null);
}

async function untilDead(doomed: RoleProcess): Promise<void> {
  const late = delay(PATIENCE_MS, "late", { ref: false });
  if ((await Promise.race([doomed.ended, late])) === "late")
    assert.fail(`${doomed.role} has not died:\n${doomed.log.slice(-5).join("")}`);
}

async function until(stage: Stage, condition: string, id: string): Promise<void> {
  const text = `select from workflow_executions where ${condition}`;
  for (const deadline = Date.now() + PATIENCE_MS; ; await delay(50)) {
    if ((await stage.trace.query(text, [id])).length > 0) return;
    if (Date.now() > deadline) assert.fail(`${id}: never ${condition}`);
  }
}
