// F45: a thousand cancels race with claims, finishes, retries and workers that die. One end each, no effect too many.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chain } from "../support/workflows.ts";
import { effect } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { openStage } from "./driver/stage.ts";

const RACES = 1_000;
/** Clients at once. */
const LANES = 16;

test("F45 1,000 cancels race with finish, retry and crash", { timeout: 240_000 }, async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  const { sink, random, request } = stage;
  await Promise.all([stage.start("api"), stage.start("scheduler"), stage.start("worker")]);
  const value = { id: "value", type: "data.transform", config: { value: "{{ input.n }}" } };
  const workflow = await stage.addWorkflow(chain(effect(sink.url, "slow/10/race"), value));
  const { token } = await stage.person();
  const answers = new Map<number, number>();
  const post = async (id: string, verb: "cancel" | "retry") => {
    const reply = await request<{ id: string }>("POST", `/api/executions/${id}/${verb}`, { token });
    assert.ok([202, 409].includes(reply.status), `${verb} answered ${reply.status}: ${reply.text}`);
    if (verb === "cancel") answers.set(reply.status, (answers.get(reply.status) ?? 0) + 1);
    if (verb === "retry" && reply.status === 202) stage.accepted.add(reply.body.id);
  };
  const race = async (n: number, wait: number, twice: boolean) => {
    const id = await stage.submit(workflow, { n });
    await delay(wait);
    await Promise.all([post(id, "cancel"), ...(twice ? [post(id, "retry"), post(id, "retry")] : [])]);
    if (twice) await Promise.all([post(id, "retry"), post(id, "retry")]);
  };
  let next = 0;
  const lanes = Array.from({ length: LANES }, async () => {
    while (next < RACES) await race(next++, random.between(0, 120), random.next() < 0.3);
  });
  const crashes = (async () => {
    for (const share of [0.25, 0.5, 0.75]) {
      while (next < RACES * share) await delay(20);
      const [victim] = stage.platform.processes().filter(({ role }) => role === "worker");
      await victim?.kill("SIGKILL");
      await stage.start("worker");
    }
  })();
  await Promise.all([...lanes, crashes]);
  await judge(stage, t);
  const ends = await stage.trace.query<{ status: string; n: number }>(
    "select status, count(*)::int n from workflow_executions group by 1 order by 1",
  );
  t.diagnostic(`${JSON.stringify(Object.fromEntries(answers))} ${JSON.stringify(ends)}`);
  assert.ok((answers.get(202) ?? 0) > RACES / 10, "cancels won");
  assert.ok(
    ends.some(({ status, n }) => status === "succeeded" && n > RACES / 20),
    "finishes won",
  );
  const wrong = await stage.trace.query(
    "select id from workflow_executions where status = 'cancelled' and cancel_requested_at is null",
  );
  assert.deepEqual(wrong, [], "nothing is cancelled that nobody cancelled");
});
