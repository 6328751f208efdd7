// The engine in a test: real nodes and expressions, small effects of the test's own, and a store kept in memory.
import { setImmediate as turn } from "node:timers/promises";
import { z } from "zod";
import { AppError } from "../../core/domain/app-error.ts";
import type { ClaimedExecution, JournalWrite, StepRecord } from "../../core/domain/journal.ts";
import {
  defineNode,
  type EffectClass,
  type NodeContext,
  type NodeOutcome,
  type NodeRunner,
} from "../../core/domain/node.ts";
import {
  type CompiledWorkflow,
  compileWorkflow,
  type NodeCatalogue,
} from "../../core/engine/compile-workflow.ts";
import { type EngineDependencies, type RunEnd, runExecution } from "../../core/engine/run-execution.ts";
import type { RunStore } from "../../core/engine/run-store.ts";
import { createEvaluator } from "../../core/expression/evaluator.ts";
import { nodeDefinitions } from "../../core/nodes/definitions.ts";
import { nodeRunners } from "../../core/nodes/runners.ts";

/** What a node of the types test.pure, test.idempotent and test.effectful does, by node id. */
export type Behaviour = (context: NodeContext, config: Record<string, unknown>) => unknown;

/** A behaviour's answer that leaves by a port. */
export class Port {
  readonly port: string;
  readonly output: unknown;
  constructor(port: string, output: unknown = null) {
    this.port = port;
    this.output = output;
  }
}

/** A behaviour's answer that suspends the node. */
export class Wait {
  readonly asked: Omit<SuspendOutcome, "kind">;
  constructor(asked: Omit<SuspendOutcome, "kind">) {
    this.asked = asked;
  }
}
type SuspendOutcome = Extract<NodeOutcome, { kind: "suspend" }>;

export type NodeData = { type: string; config?: Record<string, unknown> } & Record<string, unknown>;

/** "a>b>c:true>d" → edges a→b, b→c and c (port true)→d. Nodes not described are test.pure. */
export function draw(drawing: string, nodes: Readonly<Record<string, NodeData>> = {}): unknown {
  const edges = drawing.split(/\s+/).flatMap((text) => {
    const stops = text.split(">");
    return stops.slice(1).map((target, index) => {
      const [source = "", sourceHandle] = (stops[index] ?? "").split(":");
      return { source, target: target.split(":")[0] ?? "", ...(sourceHandle ? { sourceHandle } : {}) };
    });
  });
  const ids = new Set([...Object.keys(nodes), ...edges.flatMap((edge) => [edge.source, edge.target])]);
  const drawn = [...ids].map((id) => {
    const { type, ...data } = nodes[id] ?? { type: id === "start" ? "trigger.manual" : "test.pure" };
    return { id, type, data };
  });
  return { nodes: drawn, edges };
}

const EFFECTS: readonly EffectClass[] = ["pure", "idempotent", "effectful"];

function definitionOf(effect: EffectClass) {
  const type = `test.${effect}`;
  const outputs = ["out"];
  const config = z.record(z.string(), z.unknown());
  return defineNode({
    type,
    title: type,
    category: "data",
    description: type,
    config,
    inputs: ["in"],
    outputs,
    effect,
  });
}

/** All node types there are and the test's own three. */
export function testCatalogue(behaviours: Readonly<Record<string, Behaviour>> = {}): NodeCatalogue {
  const run: NodeRunner = (config, context) => {
    const answer = behaviours[context.nodeId]?.(context, config as Record<string, unknown>) ?? null;
    return answer instanceof Promise ? answer.then(toOutcome) : toOutcome(answer);
  };
  const definitions = EFFECTS.map((effect) => [`test.${effect}`, definitionOf(effect)] as const);
  const runners = EFFECTS.map((effect) => [`test.${effect}`, run] as const);
  return {
    definitions: new Map([...nodeDefinitions, ...definitions]),
    runners: new Map([...nodeRunners, ...runners]),
  };
}

export function compileTest(
  graph: unknown,
  behaviours: Readonly<Record<string, Behaviour>> = {},
): CompiledWorkflow {
  return compileWorkflow(graph, testCatalogue(behaviours));
}

/** What a worker gives its executions, with the test's own nodes. */
export function testEngine(store: RunStore, behaviours: Readonly<Record<string, Behaviour>>) {
  const http = { request: () => Promise.reject(new Error("no network")) };
  const scripts = { run: () => Promise.reject(new Error("no scripts")) };
  const sql = { run: () => Promise.reject(new Error("no database")) };
  const credentials = { open: () => Promise.reject(new Error("no credentials")) };
  const children = {
    findVersion: async (_: unknown, { version = 7 }: { version?: number | undefined }) => version,
  };
  const engine: EngineDependencies = {
    store,
    evaluator,
    ports: { http, scripts, sql },
    credentials,
    children,
    approvals: { settle: () => Promise.reject(new Error("no approvals")) },
  };
  return { engine, catalogue: testCatalogue(behaviours) };
}

function toOutcome(answer: unknown): NodeOutcome {
  if (answer instanceof Wait) return { kind: "suspend", ...answer.asked };
  if (answer instanceof Port) return { kind: "output" as const, output: answer.output, port: answer.port };
  return { kind: "output" as const, output: answer };
}

export type MemoryStore = RunStore & {
  /** Every commit, oldest first. */
  writes: JournalWrite[];
  /** The rows those commits left, in the order of what happened. */
  rows(): StepRecord[];
};

/** Commits after `delay`, one row per attempt, and refuses a stale fence: what the database does, in memory. */
export function createMemoryStore(
  options: { delay?: () => Promise<unknown>; fence?: () => number; history?: readonly StepRecord[] } = {},
): MemoryStore {
  const writes: JournalWrite[] = [];
  const committed = new Map((options.history ?? []).map((row) => [keyOf(row), row]));
  return {
    writes,
    rows: () => [...committed.values()].sort((a, b) => a.seq - b.seq),
    async write(given) {
      // As it was when it was handed over, and as JSON keeps it.
      const write = JSON.parse(JSON.stringify(given)) as JournalWrite;
      await (options.delay ?? turn)();
      if (options.fence && options.fence() !== write.fence) throw new AppError("lease_lost", "stale fence");
      writes.push(write);
      for (const step of write.steps) {
        const before = committed.get(keyOf(step))?.status ?? "running";
        if (before !== "running" && before !== "waiting")
          throw new Error(`${keyOf(step)} is ${before} and was written again`);
        committed.set(keyOf(step), step);
      }
    },
  };
}

export function keyOf(step: Pick<StepRecord, "nodeId" | "iteration" | "attempt">): string {
  return `${step.nodeId}[${step.iteration}]#${step.attempt}`;
}

export function claimOf(given: Partial<ClaimedExecution> = {}): ClaimedExecution {
  const id = "0190a000-0000-7000-8000-000000000001";
  return {
    id,
    workspaceId: "0190a000-0000-7000-8000-000000000002",
    workflowId: "0190a000-0000-7000-8000-000000000003",
    version: 1,
    userId: "0190a000-0000-7000-8000-000000000004",
    rootId: id,
    parentId: null,
    depth: 0,
    triggerType: "manual",
    triggerNode: null,
    trigger: { type: "manual" },
    input: null,
    priority: 0,
    band: 0,
    wake: 0,
    labels: [],
    fence: 1,
    crashCount: 0,
    cancelRequested: false,
    hasHistory: false,
    startedAt: "2026-03-01T12:00:00.000Z",
    claimedAt: "2026-03-01T12:00:00.000Z",
    queuedSeconds: 0,
    traceParent: null,
    ...given,
  };
}

export type TestRun = {
  graph: unknown;
  behaviours?: Readonly<Record<string, Behaviour>>;
  store?: MemoryStore;
  history?: readonly StepRecord[];
  signal?: AbortSignal;
  execution?: Partial<ClaimedExecution>;
};

export type TestResult = {
  end: RunEnd;
  store: MemoryStore;
  output: unknown;
  error: unknown;
  /** "node[iteration]#attempt status" of every row left. */
  steps: string[];
};

const evaluator = createEvaluator({});

/** For `after()`: ends the processes that evaluate expressions. */
export const closeEvaluator = () => evaluator.close();

export async function runGraph(run: TestRun): Promise<TestResult> {
  const history = run.history ?? [];
  const store = run.store ?? createMemoryStore({ history });
  const { engine } = testEngine(store, {});
  const end = await runExecution(engine, {
    execution: claimOf({ hasHistory: history.length > 0, ...run.execution }),
    workflow: compileTest(run.graph, run.behaviours),
    history,
    signal: run.signal ?? new AbortController().signal,
  });
  const move = store.writes.at(-1)?.move;
  const steps = store.rows().map((row) => `${keyOf(row)} ${row.status}`);
  return { end, store, output: move?.output, error: move?.error, steps };
}
