// The gates a graph passes before it becomes a version.
import { AppError } from "../../domain/app-error.ts";
import type { Graph, GraphProblem } from "../../domain/graph.ts";
import { judgeGraph, type ScriptCheck } from "./judge-graph.ts";
import { validateGraph } from "./validate-graph.ts";

/** For a graph whose scripts have passed before. Throws `invalid_graph` that carries every problem at once. */
export function requireValidGraph(candidate: unknown): Graph {
  return requireNone(validateGraph(candidate));
}

/** For a new graph: its scripts too. Rejects as `requireValidGraph` throws, and as `judgeGraph` does. */
export async function requireGoodGraph(
  scripts: ScriptCheck,
  candidate: unknown,
  key: string,
): Promise<Graph> {
  return requireNone(await judgeGraph(scripts, candidate, key));
}

function requireNone({ graph, problems }: { graph: Graph | null; problems: GraphProblem[] }): Graph {
  if (graph !== null && problems.length === 0) return graph;
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  throw new AppError("invalid_graph", `The graph has ${count}`, { problems });
}
