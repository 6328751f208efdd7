// The whole judgement on a graph before it is saved: what validation says, and whether its scripts can be read.
import { AppError } from "../../domain/app-error.ts";
import type { Graph, GraphProblem } from "../../domain/graph.ts";
import { findDefinition } from "../../nodes/definitions.ts";
import type { ScriptRunner } from "../../script/script-runner.ts";
import { validateGraph } from "./validate-graph.ts";

export type ScriptCheck = Pick<ScriptRunner, "check">;

type DrawnScript = { nodeId: string; path: string; source: string };

const MAX_PROBLEMS = 200;
// What is longer is refused by its schema already.
const MAX_SOURCE_LENGTH = 262_144;

/**
 * As `validateGraph`, and `script_syntax` (with line and column in the message, and position) or `script_limit` for
 * scripts. They are compiled in a process of their own and not run; those of a graph without a graph's shape are left
 * out. `key` names whose work it is. Rejects with the retryable `script_busy`, `script_interrupted`, `script_unavailable`.
 */
export async function judgeGraph(
  scripts: ScriptCheck,
  candidate: unknown,
  key: string,
): Promise<{ graph: Graph | null; problems: GraphProblem[] }> {
  const { graph, problems } = validateGraph(candidate);
  if (graph === null || problems.length >= MAX_PROBLEMS) return { graph, problems };
  const drawn = graph.nodes.flatMap(scriptsOf);
  if (drawn.length === 0) return { graph, problems };
  const faults = await findFaults(scripts, drawn, key);
  return { graph, problems: [...problems, ...faults].slice(0, MAX_PROBLEMS) };
}

function scriptsOf({ id, type, data }: Graph["nodes"][number], index: number): DrawnScript[] {
  const literal = Object.entries(findDefinition(type)?.literal ?? {});
  return literal.flatMap(([field, language]) => {
    const source = data?.config?.[field];
    if (language !== "javascript" || typeof source !== "string" || source.length > MAX_SOURCE_LENGTH)
      return [];
    return [{ nodeId: id, path: `nodes.${index}.data.config.${field}`, source }];
  });
}

async function findFaults(
  scripts: ScriptCheck,
  drawn: readonly DrawnScript[],
  key: string,
): Promise<GraphProblem[]> {
  try {
    const faults = await scripts.check(
      drawn.map(({ source }) => source),
      key,
    );
    return drawn.flatMap(({ nodeId, path }, index) => {
      const fault = faults[index];
      if (!fault) return [];
      return [{ nodeId, path, code: "script_syntax", message: fault.message, position: fault.position }];
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "script_limit") throw error;
    const message =
      "The scripts of this graph take too long to read or are nested too deeply; make them simpler";
    return [{ path: "nodes", code: error.code, message }];
  }
}
