// Short ways for tests to draw graphs, right or wrong, and to read what validation says about them.
import { validateGraph } from "./validate-graph.ts";

export const start = node("start", "trigger.manual");

export function node(id: string, type: string, config?: unknown, data: Record<string, unknown> = {}) {
  return { id, type, position: { x: 0, y: 0 }, data: { ...(config !== undefined && { config }), ...data } };
}

/** A data.transform. */
export function value(id: string, config: unknown = 1, data: Record<string, unknown> = {}) {
  return node(id, "data.transform", { value: config }, data);
}

export function loop(id: string) {
  return node(id, "flow.forEach", { items: [1] });
}

/** An edge from `a>b` or `a:port>b`. */
export function line(text: string) {
  const [from = "", target = ""] = text.split(">");
  const [source = "", sourceHandle] = from.split(":");
  return { source, target, ...(sourceHandle !== undefined && { sourceHandle }) };
}

/** `start`, a manual trigger, stands before the given nodes as node 0. */
export function graph(nodes: unknown[], ...lines: string[]) {
  return { nodes: [start, ...nodes], edges: lines.map(line) };
}

/** "code path nodeId" of every problem, in order. */
export function faults(candidate: unknown): string[] {
  return validateGraph(candidate).problems.map(
    ({ code, path, nodeId }) => `${code} ${path} ${nodeId ?? "-"}`,
  );
}

/** The message of the first problem with this code. */
export function messageOf(candidate: unknown, code: string): string {
  return validateGraph(candidate).problems.find((problem) => problem.code === code)?.message ?? "";
}
