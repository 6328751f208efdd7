// Whether pinned outputs can stand in for what their nodes would have made.
import type { DrawnGraph } from "./drawn-graph.ts";
import { MAX_OUTPUT_BYTES } from "./execution.ts";
import type { GraphProblem } from "./graph.ts";
import { outputsOf } from "./node-ports.ts";

/** Codes `pinned_too_large` and `pinned_port`. */
export function checkPins({ nodes }: DrawnGraph): GraphProblem[] {
  return nodes.flatMap(({ index, node, definition }) => {
    const pinned = node.data?.pinned;
    if (pinned === undefined) return [];
    const at = { nodeId: node.id, path: `nodes.${index}.data.pinned` };
    const bytes = Buffer.byteLength(JSON.stringify(pinned));
    const problems: GraphProblem[] = [];
    if (bytes > MAX_OUTPUT_BYTES) {
      const message = `The pinned output has ${bytes} bytes of JSON, ${MAX_OUTPUT_BYTES} are allowed: pin a smaller sample`;
      problems.push({ ...at, code: "pinned_too_large", message });
    }
    const ports = definition ? outputsOf(definition, node) : [];
    if (ports.length > 1) {
      const message = `"${node.id}" has several ports (${ports.join(", ")}), and a pinned output does not say by which it leaves; pin the node before it`;
      problems.push({ ...at, code: "pinned_port", message });
    }
    return problems;
  });
}
