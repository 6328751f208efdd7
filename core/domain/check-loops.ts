// The rule of loop bodies: a node lies in one body or outside, never both.
import { LOOP_BODY_PORT, scopeOfEdge } from "./compile-graph.ts";
import type { DrawnGraph } from "./drawn-graph.ts";
import type { GraphProblem } from "./graph.ts";

/** Code `loop_body_edge`: an edge that leads out of a body, or into it from elsewhere. One per node. */
export function checkLoops({ compiled, placeOfEdge }: DrawnGraph): GraphProblem[] {
  return compiled.order.flatMap((id) => {
    const loop = compiled.loopOf.get(id) ?? null;
    const incoming = compiled.incoming.get(id) ?? [];
    const inside = incoming.find((edge) => scopeOfEdge(compiled, edge) === loop);
    const outside = incoming.find((edge) => scopeOfEdge(compiled, edge) !== loop);
    if (!inside || !outside) return [];
    return [
      {
        nodeId: id,
        path: `edges.${placeOfEdge[inside.index]}`,
        code: "loop_body_edge",
        message:
          `"${id}" is reached from the body of loop "${loop}" (by "${inside.source}") and also from elsewhere ` +
          `(by "${outside.source}"); a body is only what port "${LOOP_BODY_PORT}" leads to, go on from port "done"`,
      },
    ];
  });
}
