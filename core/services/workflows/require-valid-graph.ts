// The gate every graph passes before it becomes a version.
import { AppError } from "../../domain/app-error.ts";
import type { Graph } from "../../domain/graph.ts";
import { validateGraph } from "./validate-graph.ts";

/** Throws `invalid_graph` that carries every problem at once. */
export function requireValidGraph(candidate: unknown): Graph {
  const { graph, problems } = validateGraph(candidate);
  if (graph !== null && problems.length === 0) return graph;
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  throw new AppError("invalid_graph", `The graph has ${count}`, { problems });
}
