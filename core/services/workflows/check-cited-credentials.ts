// A credential in a graph: its type must fit the slot, and it must be allowed where the node will send it.
import type { Graph, GraphNode, GraphProblem } from "../../domain/graph.ts";
import { hostRefusal, isHostAllowed, type Target, targetOf } from "../../domain/host-binding.ts";
import { findDefinition } from "../../nodes/definitions.ts";
import type { CitedCredential } from "../../persistence/workflows/graph-references.ts";

/**
 * Codes `credential_type`, `credential_host`. What depends on an expression is left to the run, which checks all of it
 * again. Credentials that were not found are not judged here.
 */
export function checkCitedCredentials(graph: Graph, credentials: readonly CitedCredential[]): GraphProblem[] {
  if (credentials.length === 0) return [];
  const byId = new Map(credentials.map((credential) => [credential.id, credential]));
  return graph.nodes.flatMap((node, index) =>
    Object.entries(node.data?.credentials ?? {}).flatMap(([slot, id]) => {
      const credential = byId.get(id.toLowerCase());
      const fault = credential && faultOf(node, slot, credential);
      return fault ? [{ nodeId: node.id, path: `nodes.${index}.data.credentials.${slot}`, ...fault }] : [];
    }),
  );
}

function faultOf(node: GraphNode, slot: string, credential: CitedCredential) {
  const definition = findDefinition(node.type);
  const accepted = definition?.credentials?.[slot];
  // A slot the type does not have is a problem of the graph's structure, told there.
  if (!definition || !accepted) return undefined;
  const { name, type, allowedHosts } = credential;
  if (!accepted.includes(type)) {
    const message = `"${name}" is of type ${type}; the slot ${slot} of ${node.type} takes ${accepted.join(", ")}`;
    return { code: "credential_type", message };
  }
  const target = literalTarget(definition.address?.(node.data?.config ?? {}));
  if (!target || isHostAllowed(allowedHosts, target)) return undefined;
  return { code: "credential_host", message: hostRefusal(name, allowedHosts, target) };
}

/** Where the address leads, as far as no expression has a say in it. */
function literalTarget(address: string | undefined): Target | undefined {
  if (address === undefined) return undefined;
  const start = address.indexOf("{{");
  if (start < 0) return targetOf(address);
  const origin = /^[a-z]+:\/\/[^/?#]+(?=[/?#])/i.exec(address.slice(0, start))?.[0];
  return origin === undefined ? undefined : targetOf(origin);
}
