// Crashes at every commit of random runs: the same result, no finished effect again, no effect ahead of its journal.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { AppError } from "#core/domain/app-error.ts";
import { ancestorsOf, compileGraph } from "#core/domain/compile-graph.ts";
import type { Graph } from "#core/domain/graph.ts";
import type { StepRecord } from "#core/domain/journal.ts";
import {
  type Behaviour,
  closeEvaluator,
  compileTest,
  createMemoryStore,
  draw,
  keyOf,
  type MemoryStore,
  type NodeData,
  runGraph,
} from "../../test/support/engine.ts";

after(closeEvaluator);

type Kind = "pure" | "effect" | "flaky" | "fails" | "condition" | "loop";
type Shape = { kinds: Kind[]; parents: number[]; seconds: number[]; delays: number[]; cut: number };

const KINDS: readonly Kind[] = ["pure", "effect", "effect", "flaky", "fails", "condition", "loop"];

const shapes: fc.Arbitrary<Shape> = fc.record({
  kinds: fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 8 }),
  parents: fc.array(fc.nat(7), { minLength: 8, maxLength: 8 }),
  seconds: fc.array(fc.nat(20), { minLength: 8, maxLength: 8 }),
  delays: fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }),
  cut: fc.nat(50),
});

const NODES: Readonly<Record<Kind, NodeData>> = {
  pure: { type: "test.pure" },
  effect: { type: "test.idempotent" },
  flaky: { type: "test.idempotent", retry: { maxAttempts: 3, backoffMs: 0, maxBackoffMs: 0 } },
  fails: { type: "test.idempotent", onError: "continue" },
  condition: { type: "flow.condition", config: { when: "{{ $exists(input) }}" } },
  loop: { type: "flow.forEach", config: { items: [1, 2, 3], concurrency: 2 } },
};

/** The port by which a node goes on; a third of the conditions are asked for the branch they do not take. */
function portOf(kind: Kind | undefined, index: number): string {
  if (kind === "loop") return ":done";
  if (kind === "condition") return index % 3 === 0 ? ":false" : ":true";
  return "";
}

/** A node hangs on one earlier node, some on two; a condition sends only what it takes, a loop has an effect inside. */
function graphOf({ kinds, parents, seconds }: Shape): Graph {
  const nodes: Record<string, NodeData> = {};
  const edges: string[] = [];
  const nameOf = (index: number) => (index < 0 ? "start" : `n${index}`);
  for (const [index, kind] of kinds.entries()) {
    nodes[nameOf(index)] = NODES[kind];
    const from = new Set([(parents[index] ?? 0) % (index + 1), (seconds[index] ?? 0) % 21].map((n) => n - 1));
    for (const parent of from) {
      if (parent >= index) continue;
      const port = portOf(kinds[parent], index);
      edges.push(`${nameOf(parent)}${port}>${nameOf(index)}`);
    }
    if (kind === "loop") {
      edges.push(`${nameOf(index)}:item>body${index}`);
      nodes[`body${index}`] = NODES.effect;
    }
  }
  return draw(edges.join(" "), nodes) as Graph;
}

type Effect = { place: string; key: string };

/** Every effect notes that it ran, and looks whether what it builds on is durable. */
function watch(graph: Graph, store: MemoryStore, kindOf: (id: string) => Kind) {
  const effects: Effect[] = [];
  // Collected, because an assertion inside a node would be just another failed node.
  const violations: string[] = [];
  const begun = new Set<string>();
  const compiled = compileGraph(graph);
  const behaviour: Behaviour = async (context) => {
    const { nodeId, iteration, idempotencyKey, attempt, incoming } = context;
    const kind = kindOf(nodeId);
    if (kind !== "pure") {
      const durable = new Map(store.rows().map((row) => [keyOf(row), row.status]));
      const own = durable.get(keyOf({ nodeId, iteration, attempt }));
      if (own !== "running") violations.push(`${nodeId}[${iteration}] began before its start was durable`);
      const settled = new Set(
        store
          .rows()
          .filter((row) => row.status !== "running")
          .map((row) => row.nodeId),
      );
      for (const id of ancestorsOf(compiled, nodeId)) {
        if (begun.has(id) && !settled.has(id)) violations.push(`${nodeId} began before ${id} was durable`);
      }
      effects.push({ place: `${nodeId}[${iteration}]`, key: idempotencyKey });
    }
    begun.add(nodeId);
    await turn();
    if (kind === "flaky" && attempt === 1) throw new AppError("busy", "busy", { retryable: true });
    if (kind === "fails") throw new AppError("refused", "refused");
    return { nodeId, iteration, saw: incoming };
  };
  return { effects, violations, behaviour };
}

async function runOnce(shape: Shape, history: readonly StepRecord[]) {
  const graph = graphOf(shape);
  let commits = 0;
  const delay = async () => {
    const turns = shape.delays[commits++ % shape.delays.length] ?? 0;
    for (let waited = 0; waited < turns; waited++) await turn();
  };
  const store = createMemoryStore({ delay, history });
  const kindOf = (id: string): Kind =>
    id.startsWith("body") ? "effect" : (shape.kinds[Number(id.slice(1))] ?? "pure");
  const { effects, violations, behaviour } = watch(graph, store, kindOf);
  const behaviours = Object.fromEntries(graph.nodes.map(({ id }) => [id, behaviour]));
  const result = await runGraph({
    graph,
    behaviours,
    store,
    history,
    execution: { fence: history.length + 1 },
  });
  assert.deepEqual(violations, []);
  return { ...result, effects };
}

/** What is left of a run whose worker died right after its n-th commit. */
function rowsAfter(store: MemoryStore, commits: number, history: readonly StepRecord[]): StepRecord[] {
  const rows = new Map(history.map((row) => [keyOf(row), row]));
  for (const write of store.writes.slice(0, commits))
    for (const step of write.steps) rows.set(keyOf(step), step);
  return [...rows.values()].sort((a, b) => a.seq - b.seq);
}

function assertResumes(
  whole: Awaited<ReturnType<typeof runOnce>>,
  resumed: Awaited<ReturnType<typeof runOnce>>,
  history: StepRecord[],
) {
  assert.equal(resumed.end, whole.end);
  assert.deepEqual(resumed.output, whole.output);
  const keys = new Map(whole.effects.map((effect) => [effect.place, effect.key]));
  const finished = new Set(
    history.filter((row) => row.status === "succeeded").map((row) => `${row.nodeId}[${row.iteration}]`),
  );
  for (const { place, key } of resumed.effects) {
    assert.ok(!finished.has(place), `${place} had finished and ran again`);
    assert.equal(key, keys.get(place), `${place} goes out under its key`);
  }
  const all = new Set([
    ...history.map((row) => `${row.nodeId}[${row.iteration}]`),
    ...resumed.effects.map(({ place }) => place),
  ]);
  for (const { place } of whole.effects) assert.ok(all.has(place), `${place} is missing`);
}

test("a run resumed after any of its commits, and once more after any of those, ends the same", async () => {
  let resumes = 0;
  await fc.assert(
    fc.asyncProperty(shapes, async (shape) => {
      compileTest(graphOf(shape));
      const whole = await runOnce(shape, []);
      for (let commits = 0; commits < whole.store.writes.length; commits++) {
        const history = rowsAfter(whole.store, commits, []);
        const resumed = await runOnce(shape, history);
        assertResumes(whole, resumed, history);
        const later = rowsAfter(resumed.store, shape.cut % (resumed.store.writes.length + 1), history);
        assertResumes(whole, await runOnce(shape, later), later);
        resumes += 2;
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(resumes > 300, `${resumes} resumes tried`);
});
