// What an expression can see: the six roots, and how to send only the part of them that it mentions.

import type { VisibleData } from "#core/domain/node.ts";

/** All values are plain JSON data; only own properties are ever read. */
export type Scope = VisibleData;

export const SCOPE_ROOTS = ["input", "nodes", "trigger", "item", "index", "execution"] as const;

/**
 * What an expression mentions. `roots` are first names of paths (unknown ones too, so that a caller can refuse them),
 * `nodes` the ids in `nodes.<id>`. `dynamicNodes`: which nodes it reads is known at run time only, so all are sent.
 * `wholeScope`: it can reach roots it does not name (`$$`, parent operator, wildcard at the top), so all are sent.
 */
export type References = {
  readonly roots: readonly string[];
  readonly nodes: readonly string[];
  readonly dynamicNodes: boolean;
  readonly wholeScope: boolean;
};

/** The part of the scope that these references can reach, as a new object of own properties. */
export function pickScope(scope: Scope, references: References): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const root of SCOPE_ROOTS) {
    if (!references.wholeScope && !references.roots.includes(root)) continue;
    if (!Object.hasOwn(scope, root)) continue;
    if (root === "nodes") picked.nodes = pickNodes(scope.nodes, references);
    else picked[root] = scope[root];
  }
  return picked;
}

function pickNodes(nodes: Scope["nodes"], references: References): Record<string, unknown> {
  if (references.dynamicNodes || references.wholeScope) return { ...nodes };
  const picked: Record<string, unknown> = {};
  for (const id of references.nodes) {
    // defineProperty, because a node may be called `__proto__` and an assignment would set the prototype.
    if (Object.hasOwn(nodes, id)) {
      Object.defineProperty(picked, id, { value: nodes[id], enumerable: true });
    }
  }
  return picked;
}
