// The engine has waited already; what is left is to name the outputs.
import type { NodeRunner } from "#core/domain/node.ts";

export const runMerge: NodeRunner<Record<string, never>> = (_config, { incoming }) => {
  // fromEntries defines members, so that no node id can reach a setter of Object.prototype.
  const branches = Object.fromEntries(incoming.map(({ nodeId, output }) => [nodeId, output ?? null]));
  const ids = Object.keys(branches);
  // Two edges from one node are still one branch.
  return { kind: "output", output: ids.length === 1 ? branches[ids[0] as string] : branches };
};
