// Whether every edge leaves by a port its source has and enters a node that takes edges.
import type { DrawnGraph, DrawnNode } from "./drawn-graph.ts";
import type { GraphProblem } from "./graph.ts";
import { ERROR_PORT, exitsOf, hasErrorPort, isTrigger, meantPort, outputsOf } from "./node-ports.ts";

/** Codes `bad_port`, `missing_port`, `unknown_port`, `edge_into_trigger`, `missing_error_edge`, `ambiguous_continue`. */
export function checkPorts(drawn: DrawnGraph): GraphProblem[] {
  const problems: GraphProblem[] = [];
  const outputs = new Map<DrawnNode, readonly string[]>();
  for (const node of drawn.nodes) {
    if (!node.definition) continue;
    const ports = outputsOf(node.definition, node.node);
    outputs.set(node, ports);
    problems.push(...portNameProblems(node, ports), ...errorPortProblems(drawn, node));
  }
  for (const { index, edge } of drawn.edges) {
    const source = drawn.byId.get(edge.source);
    const ports = source && outputs.get(source);
    const fault = source && ports && handleFault(source, ports, edge.sourceHandle);
    if (fault) problems.push({ nodeId: edge.source, path: `edges.${index}.sourceHandle`, ...fault });
    if (isTrigger(drawn.byId.get(edge.target)?.definition)) {
      const message = `"${edge.target}" is a trigger and takes no incoming edge; remove the edge`;
      problems.push({
        nodeId: edge.target,
        path: `edges.${index}.target`,
        code: "edge_into_trigger",
        message,
      });
    }
  }
  return problems;
}

type Fault = { code: string; message: string };

function handleFault(
  source: DrawnNode,
  outputs: readonly string[],
  handle: string | null | undefined,
): Fault | undefined {
  const { node, definition } = source;
  const all = hasErrorPort(definition, node) ? [...outputs, ERROR_PORT] : outputs;
  const port = meantPort(handle, outputs);
  if (port !== undefined && all.includes(port)) return undefined;
  if (all.length === 0) {
    const code = handle === undefined || handle === null ? "missing_port" : "unknown_port";
    return { code, message: `"${node.id}" has no outgoing port: the run ends there; remove the edge` };
  }
  const choice = `its ports are: ${all.join(", ")}`;
  if (handle === undefined || handle === null) {
    const message = `Say in sourceHandle by which port the edge leaves "${node.id}"; ${choice}`;
    return { code: "missing_port", message };
  }
  const hint = handle === ERROR_PORT && !isTrigger(definition) ? '; set its onError to "error" first' : "";
  return { code: "unknown_port", message: `"${node.id}" has no port "${handle}"; ${choice}${hint}` };
}

/** Ports that come from the config (flow.switch) must be names one can draw an edge from. */
function portNameProblems({ index, node }: DrawnNode, outputs: readonly string[]): GraphProblem[] {
  const seen = new Set<string>();
  return outputs.flatMap((port) => {
    const fault = portNameFault(port, seen);
    seen.add(port);
    if (!fault) return [];
    return [{ nodeId: node.id, path: `nodes.${index}.data.config`, code: "bad_port", message: fault }];
  });
}

function portNameFault(port: string, seen: ReadonlySet<string>): string | undefined {
  if (port === "") return "A port needs a name";
  if (port.includes("{{")) return `A port name must be fixed text, not the expression ${port}`;
  if (port === ERROR_PORT) return `A port must not be called "${ERROR_PORT}"; failures leave by that one`;
  if (seen.has(port)) return `Two ports are called "${port}"; give each its own name`;
  return undefined;
}

function errorPortProblems({ compiled }: DrawnGraph, { index, node, definition }: DrawnNode): GraphProblem[] {
  if (definition && node.data?.onError === "continue" && exitsOf(definition, node).length > 1) {
    const message = `onError "continue" does not say by which port a failure leaves "${node.id}"; choose error and draw its edge, or fail`;
    return [{ nodeId: node.id, path: `nodes.${index}.data.onError`, code: "ambiguous_continue", message }];
  }
  if (!hasErrorPort(definition, node)) return [];
  if (compiled.outgoing.get(node.id)?.some((edge) => edge.port === ERROR_PORT)) return [];
  const message = `onError "error" needs an edge from port "${ERROR_PORT}" of "${node.id}"; draw it, or choose fail or continue`;
  return [{ nodeId: node.id, path: `nodes.${index}.data.onError`, code: "missing_error_edge", message }];
}
