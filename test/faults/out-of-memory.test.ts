// F08: workers with a small heap, and executions that would fill it by what they have written down or by what they hold.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { MAX_CRASHES } from "../../core/domain/execution.ts";
import { expireLeases } from "../../core/persistence/expire-leases.ts";
import { chain } from "../support/workflows.ts";
import { effect } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { openStage, type Stage } from "./driver/stage.ts";

const SMALL_HEAP = { NODE_OPTIONS: "--max-old-space-size=128" };
const TINY_HEAP = { NODE_OPTIONS: "--max-old-space-size=80" };
const GOOD = 20;

async function endOf({ trace }: Stage, id: string) {
  const text = "select status, error ->> 'code' code from workflow_executions where id = $1";
  const [row] = await trace.query<{ status: string; code: string | null }>(text, [id]);
  return [row?.status, row?.code];
}

async function addGood(stage: Stage): Promise<void> {
  const good = await stage.addWorkflow(chain(effect(stage.sink.url, "good")));
  for (let n = 0; n < GOOD; n++) await stage.submit(good, { n });
}

/** A loop whose body is `big`, then `after`. */
function loopOver(items: string, after: object, concurrency: number, big: string) {
  const node = (id: string, type: string, config: object) => ({ id, type, data: { config } });
  return {
    nodes: [
      node("start", "trigger.manual", {}),
      node("each", "flow.forEach", { items, concurrency }),
      node("big", "data.transform", { value: big }),
      node("inside", "flow.wait", after),
      node("small", "data.transform", { value: "{{ index }}" }),
      node("wait", "flow.wait", { ms: 3_600_000 }),
      node("end", "data.transform", { value: "{{ $count(nodes.each) }}" }),
    ],
    edges: [
      { source: "start", target: "each" },
      { source: "each", sourceHandle: "item", target: "big" },
      { source: "big", target: "inside" },
      { source: "inside", target: "small" },
      { source: "each", sourceHandle: "done", target: "wait" },
      { source: "wait", target: "end" },
    ],
  };
}

/** 250 MB more of the node's attempts or items in its journal, past the engine. */
async function fillJournal({ trace }: Stage, id: string, how: "items" | "failures"): Promise<void> {
  const text = "(select string_agg(md5(n::text || part), '') from generate_series(1, 3200) part)";
  await trace.query(
    `insert into execution_steps (execution_id, node_id, iteration, attempt, workspace_id, node_type, status, seq, fence,
       effect, output, error, started_at, finished_at)
     select e.id, 'big', ${how === "items" ? "n::text, 1" : "'0', n"}, e.workspace_id, 'data.transform',
       ${how === "items" ? "'succeeded'" : "'failed'"}, 100 + n, e.fence, 'pure',
       ${how === "items" ? `to_jsonb(${text}), null` : `null, jsonb_build_object('code', 'x', 'message', ${text})`},
       now(), now()
     from workflow_executions e, generate_series(10, 2509) n where e.id = $1`,
    [id],
  );
}

async function wake({ trace }: Stage, id: string): Promise<void> {
  await trace.query(
    `with due as (update execution_steps set wake_at = now(), state = jsonb_build_object('until', now())
       where execution_id = $1 and status = 'waiting')
     update workflow_executions set available_at = now() where id = $1`,
    [id],
  );
}

test("F08 a worker with a heap of 128 MB resumes journals of 250 MB: one needs little of it, one is refused", async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  await Promise.all([stage.start("api"), stage.start("scheduler")]);
  const worker = await stage.start("worker", SMALL_HEAP);
  const done = await stage.submit(
    await stage.addWorkflow(loopOver("{{ [1, 2] }}", { ms: 1 }, 2, "{{ item }}")),
  );
  const inside = loopOver("{{ [1, 2] }}", { ms: 3_600_000 }, 2, "{{ item }}");
  const open = await stage.submit(await stage.addWorkflow(inside));
  for (const id of [done, open]) while ((await endOf(stage, id))[0] !== "waiting") await delay(100);
  await fillJournal(stage, done, "items");
  await fillJournal(stage, open, "failures");
  await wake(stage, done);
  await wake(stage, open);
  await addGood(stage);
  // Not judged: what was written past the engine would be taken for its doing.
  const underWay = "select status from workflow_executions where status in ('queued', 'running', 'waiting')";
  while ((await stage.trace.query(underWay)).length > 0) await delay(200);
  const ends = await stage.trace.query("select status from workflow_executions where status = 'succeeded'");
  assert.equal(ends.length, GOOD + 1);
  assert.deepEqual(await endOf(stage, done), ["succeeded", null]);
  assert.deepEqual(await endOf(stage, open), ["failed", "journal_too_large"]);
  assert.ok(stage.platform.processes().includes(worker), worker.log.join("").slice(-2_000));
});

test("F08 an execution that fills its worker's heap ends with a code of its own, the others succeed", async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  const { trace } = stage;
  await Promise.all([stage.start("api"), stage.start("scheduler")]);
  const heavy = loopOver("{{ input.items }}", { ms: 900 }, 100, "{{ input.text & index }}");
  const items = Array.from({ length: 100 }, (_, index) => index);
  const poison = await stage.submit(await stage.addWorkflow(heavy), { items, text: "x".repeat(1_000_000) });
  await addGood(stage);
  let deaths = 0;
  for (; deaths <= MAX_CRASHES && (await endOf(stage, poison))[0] !== "failed"; ) {
    const worker = await stage.start("worker", TINY_HEAP);
    let gone = false;
    void worker.ended.then(() => {
      gone = true;
    });
    while (!gone && (await endOf(stage, poison))[0] !== "failed") await delay(200);
    if (!gone) break;
    assert.match(worker.log.join(""), /heap out of memory|heap limit/);
    deaths++;
    // As the supervisor of `npm start` does when it sees one die.
    await expireLeases({ databaseUrl: trace.databaseUrl, workerId: worker.id });
    await delay(1_500);
  }
  if (!stage.platform.processes().some(({ role }) => role === "worker")) await stage.start("worker");
  await judge(stage, t);
  assert.ok(deaths >= 1 && deaths <= MAX_CRASHES, `${deaths} deaths`);
  const [status, code] = await endOf(stage, poison);
  assert.equal(status, "failed");
  assert.ok(code === "journal_too_large" || code === "worker_lost", `${code}`);
});
