// Judges a graph before it is saved: every problem at once, each with its place and what to do about it.
import { checkJsonText } from "../../domain/check-json.ts";
import { readDrawnGraph } from "../../domain/drawn-graph.ts";
import { type Graph, type GraphProblem, graphSchema, MAX_EDGES, MAX_NODES } from "../../domain/graph.ts";
import { describeIssue, issuePath } from "../../domain/schema-problems.ts";
import { validateStructure } from "../../domain/validate-structure.ts";
import { findDefinition } from "../../nodes/definitions.ts";
import { checkConfigs } from "./check-configs.ts";
import { checkExpressions } from "./check-expressions.ts";

// Nobody reads more, and a graph wrong in 10,000 places must not be answered with megabytes.
const MAX_PROBLEMS = 200;

/**
 * `graph` is null when the value does not have a graph's shape; it may be there along with problems. Never throws for a
 * JSON value. Beyond 200 problems the last one says how many there are.
 */
export function validateGraph(value: unknown): { graph: Graph | null; problems: GraphProblem[] } {
  const blocking = [...sizeProblems(value), ...textProblems(value)];
  if (blocking.length > 0) return { graph: null, problems: blocking };
  const checked = graphSchema.safeParse(value);
  const drawn = readDrawnGraph(value, findDefinition);
  const problems = [
    ...(checked.success ? [] : shapeProblems(checked.error.issues, value)),
    ...validateStructure(drawn),
    ...checkConfigs(drawn),
    ...checkExpressions(drawn),
  ];
  return { graph: checked.success ? checked.data : null, problems: withinLimit(problems) };
}

/** Before anything walks the graph: what is far too big is refused without reading it. */
function sizeProblems(value: unknown): GraphProblem[] {
  return [
    ...countProblem(value, { key: "nodes", limit: MAX_NODES }),
    ...countProblem(value, { key: "edges", limit: MAX_EDGES }),
  ];
}

function countProblem(
  value: unknown,
  { key, limit }: { key: "nodes" | "edges"; limit: number },
): GraphProblem[] {
  const list = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  if (!Array.isArray(list) || list.length <= limit) return [];
  const message = `The graph has ${list.length} ${key}, at most ${limit} are allowed; split it into several workflows`;
  return [{ path: key, code: `too_many_${key}`, message }];
}

/** Text the database cannot hold, and nesting the checks below would have to follow. */
function textProblems(value: unknown): GraphProblem[] {
  return checkJsonText(value).map(({ path, message }) => ({ path, code: "bad_text", message }));
}

function shapeProblems(issues: Parameters<typeof describeIssue>[0][], value: unknown): GraphProblem[] {
  return issues.flatMap((issue) =>
    describeIssue(issue, value).map(({ path, kind, message }) => {
      const nodeId = path[0] === "nodes" ? nodeIdAt(value, Number(path[1])) : undefined;
      return {
        ...(nodeId !== undefined && { nodeId }),
        path: issuePath("", path),
        code: `${kind}_field`,
        message,
      };
    }),
  );
}

function nodeIdAt(value: unknown, index: number): string | undefined {
  const node = typeof value === "object" && value !== null ? Reflect.get(value, "nodes")?.[index] : undefined;
  return typeof node?.id === "string" ? node.id : undefined;
}

function withinLimit(problems: GraphProblem[]): GraphProblem[] {
  if (problems.length <= MAX_PROBLEMS) return problems;
  const message = `There are ${problems.length} problems in all; the first ${MAX_PROBLEMS} are listed`;
  return [...problems.slice(0, MAX_PROBLEMS), { path: "", code: "too_many_problems", message }];
}
