// Journals of any size, read from a real database: what a resume gets, where it stops, and that it goes on as it would have.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { AppError } from "#core/domain/app-error.ts";
import { type ClaimedExecution, NOT_LOADED, type StepRecord } from "#core/domain/journal.ts";
import { runExecution } from "#core/engine/run-execution.ts";
import type { Database } from "#core/persistence/database.ts";
import { writeJournal } from "#core/persistence/executions/write-journal.ts";
import { sql } from "#core/persistence/sql.ts";
import {
  type Behaviour,
  claimOf,
  closeEvaluator,
  compileTest,
  createMemoryStore,
  draw,
  Port,
  testEngine,
  Wait,
} from "../test/support/engine.ts";
import { createExecutionBed, type ExecutionBed, stepOf } from "../test/support/executions.ts";
import { awaitDatabase } from "./await-database.ts";
import { createHistoryLoader } from "./load-history.ts";

let bed: ExecutionBed;
let database: Database;
before(async () => {
  bed = await createExecutionBed();
  database = bed.open("atelier_worker");
});
after(async () => {
  await closeEvaluator();
  await bed?.close();
});

const forever = new AbortController().signal;
const transform = (value: unknown) => ({ type: "data.transform", config: { value } });
const BIG = "x".repeat(2_000);

async function store(steps: readonly StepRecord[]): Promise<ClaimedExecution> {
  const id = await bed.addExecution({ status: "running", fence: 1 });
  const numbered = steps.map((step, index) => ({ ...step, seq: index + 1 }));
  for (let at = 0; at < numbered.length; at += 500) {
    await writeJournal(database, [{ executionId: id, fence: 1, steps: numbered.slice(at, at + 500) }]);
  }
  return claimOf({ id, rootId: id, hasHistory: true });
}

/** Runs until it stands still, then again from what the loader makes of the first run's journal. */
async function runTwice(graph: unknown, behaviours: Record<string, Behaviour>) {
  const workflow = compileTest(graph, behaviours);
  const first = createMemoryStore();
  const run = (memory: typeof first, history: readonly StepRecord[], lastSeq = 0, claim = claimOf()) =>
    runExecution(testEngine(memory, {}).engine, {
      execution: claim,
      workflow,
      history,
      lastSeq,
      signal: forever,
    });
  assert.equal(await run(first, []), "waiting");
  const execution = await store(first.rows());
  const loaded = await createHistoryLoader({ database })(execution, workflow, forever);
  const second = createMemoryStore({ history: loaded.steps });
  const end = await run(second, loaded.steps, loaded.lastSeq, {
    ...execution,
    claimedAt: "2026-03-02T12:00:00.000Z",
  });
  const move = second.writes.at(-1)?.move;
  loaded.release();
  return { end, output: move?.output, error: move?.error, loaded, second };
}

const isLeftOut = ({ output }: StepRecord) => output === NOT_LOADED;

test("a small journal is read whole", async () => {
  const execution = await store([stepOf("start"), stepOf("a", { output: { n: 1 }, input: "in" })]);
  const workflow = compileTest(draw("start>a"));
  const { steps } = await createHistoryLoader({ database })(execution, workflow, forever);
  assert.deepEqual(
    steps.map(({ nodeId, input, output }) => [nodeId, input, output]),
    [
      ["start", null, null],
      ["a", "in", { n: 1 }],
    ],
  );
});

test("of a loop that has ended nothing is read but its results", async () => {
  const graph = draw("start>loop:item>big>small loop:done>wait>end", {
    loop: { type: "flow.forEach", config: { items: "{{ [1..400] }}", concurrency: 50 } },
    small: transform("{{ item }}"),
    end: transform("{{ $sum(nodes.loop) }}"),
  });
  const { end, output, loaded } = await runTwice(graph, {
    big: () => BIG,
    wait: ({ resumed }) => (resumed ? 1 : new Wait({ until: 3_600_000 })),
  });
  assert.deepEqual([end, output], ["succeeded", 80_200]);
  assert.deepEqual(loaded.steps.map(({ nodeId }) => nodeId).sort(), ["loop", "start", "wait"]);
  assert.ok(loaded.lastSeq > 800, "what comes next is numbered after all there is");
});

test("of a loop that goes on only the results of its items are read, and what open items may still see", async () => {
  const graph = draw("start>before>loop:item>big>choice:yes>left choice:no>right>wait>last loop:done>end", {
    before: transform({ plus: "{{ 1 }}" }),
    loop: { type: "flow.forEach", config: { items: "{{ [1..300] }}", concurrency: 50 } },
    choice: { type: "test.pure" },
    left: transform("{{ item + nodes.before.plus }}"),
    right: transform("{{ $length(nodes.big) }}"),
    last: transform("{{ nodes.right + $length(nodes.big) }}"),
    end: transform("{{ $sum(nodes.loop) }}"),
  });
  const definition = (graph as { nodes: { id: string; type: string; data: object }[] }).nodes;
  const choice = definition.find(({ id }) => id === "choice");
  Object.assign(choice ?? {}, {
    type: "flow.switch",
    data: { config: { value: "{{ index % 100 = 7 ? 'no' : 'yes' }}", cases: ["yes", "no"] } },
  });
  const { end, output, error, loaded } = await runTwice(graph, {
    big: () => BIG,
    wait: ({ resumed }) => (resumed ? 1 : new Wait({ until: 3_600_000 })),
  });
  assert.equal(end, "succeeded", JSON.stringify(error));
  const lefts = Array.from({ length: 300 }, (_, index) => (index % 100 === 7 ? 4_000 : index + 2));
  assert.equal(
    output,
    lefts.reduce((sum, n) => sum + n, 0),
  );
  const bigs = loaded.steps.filter(({ nodeId }) => nodeId === "big");
  assert.equal(bigs.filter((step) => !isLeftOut(step)).length, 3, "those of the three open items");
  assert.ok(loaded.steps.filter(({ nodeId }) => nodeId === "left").every((step) => !isLeftOut(step)));
});

test("outside of loops what nobody to come names is left out; a script and a dynamic look may ask for all", async () => {
  const cases: [Record<string, object>, string[]][] = [
    [{ end: transform("{{ $length(nodes.b) }}") }, ["a"]],
    [{ end: transform("{{ $length($lookup(nodes, 'b')) }}") }, []],
  ];
  for (const [nodes, left] of cases) {
    const graph = draw("start>a>b>c>wait>end", nodes as Parameters<typeof draw>[1]);
    const { end, output, loaded } = await runTwice(graph, {
      a: () => "a".repeat(200_000),
      b: () => "b".repeat(200_000),
      c: () => "c".repeat(200_000),
      wait: ({ resumed }) => (resumed ? 1 : new Wait({ until: 3_600_000 })),
    });
    assert.deepEqual([end, output], ["succeeded", 200_000]);
    const out = loaded.steps.filter((step) => isLeftOut(step) && step.nodeId !== "start");
    assert.deepEqual(
      out.map(({ nodeId }) => nodeId),
      left,
    );
  }
});

test("a node that failed and went on is followed by its port; an output that was left out is never taken for nothing", async () => {
  const graph = draw("start>big>work:error>rescue>wait>end start>other>wait", {
    work: { type: "test.pure", onError: "error" },
    end: transform("{{ [nodes.rescue, $length(nodes.big)] }}"),
  });
  const { end, output } = await runTwice(graph, {
    big: () => "b".repeat(300_000),
    work: () => Promise.reject(new Error("no")),
    rescue: () => "rescued",
    other: () => new Port("out", 1),
    wait: ({ resumed }) => (resumed ? 1 : new Wait({ until: 3_600_000 })),
  });
  assert.deepEqual([end, output], ["succeeded", ["rescued", 300_000]]);
  const memory = createMemoryStore();
  const left = [stepOf("start"), stepOf("a", { output: NOT_LOADED })];
  const request = { execution: claimOf({ hasHistory: true }), history: left, signal: forever };
  const workflow = compileTest(draw("start>a>b", { b: transform("{{ nodes.a }}") }));
  assert.equal(await runExecution(testEngine(memory, {}).engine, { ...request, workflow }), "failed");
  assert.match(JSON.stringify(memory.writes.at(-1)?.move), /engine_error/);
});

test("what is needed beyond the bound is refused while it is read, with a code that says what to do", async () => {
  const items = Array.from({ length: 40 }, (_, index) => index);
  const graph = draw(`start>${items.map((n) => `a${n}`).join(">")}>end`, {
    end: transform("{{ $keys(nodes) }}"),
  });
  const steps = ["start", ...items.map((n) => `a${n}`)].map((id) =>
    stepOf(id, { output: "y".repeat(100_000) }),
  );
  const execution = await store(steps);
  const load = createHistoryLoader({ database, limitBytes: 1_048_576, budgetBytes: 4_194_304 });
  await assert.rejects(load(execution, compileTest(graph), forever), (error: AppError) => {
    assert.equal(error.code, "journal_too_large");
    return /more than 1 MB.*files/s.test(error.message);
  });
});

test("many at once wait for room: never more than the budget is read together, and an abort ends the wait", async () => {
  const graph = draw("start>a>b>end", { end: transform("{{ nodes.a & nodes.b }}") });
  const workflow = compileTest(graph);
  const outputs = { output: "z".repeat(400_000) };
  const execution = await store([stepOf("start"), stepOf("a", outputs), stepOf("b", outputs)]);
  const load = createHistoryLoader({ database, limitBytes: 2_000_000, budgetBytes: 3_500_000 });
  const first = await load(execution, workflow, forever);
  const controller = new AbortController();
  let second = false;
  const waiting = load(execution, workflow, forever).then((history) => {
    second = true;
    return history;
  });
  const aborted = load(execution, workflow, controller.signal);
  controller.abort(new AppError("cancelled", "stop"));
  await assert.rejects(aborted, { code: "cancelled" });
  await database.run(sql`select 1`);
  assert.equal(second, false, "the first one's memory is still in use");
  first.release();
  (await waiting).release();
});

test("a statement the server breaks off for its length is tried so often and no more", async () => {
  const cancel = `select pg_cancel_backend(pid) from pg_stat_activity
    where datname = current_database() and query like '%pg_sleep(99)%' and pid <> pg_backend_pid()`;
  let tries = 0;
  const ask = async () => {
    tries++;
    const sleeping = database.run(sql`select pg_sleep(99)`);
    sleeping.catch(() => {});
    while ((await bed.admin.query(cancel)).rowCount === 0) await turn();
    return sleeping;
  };
  await assert.rejects(awaitDatabase(ask, forever, 3), { code: "database_unavailable" });
  assert.equal(tries, 3);
});
