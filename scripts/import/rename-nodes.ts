// New ids for nodes whose old ones could not stand in an expression.
import { NODE_ID } from "../../core/domain/graph.ts";

const MAX_LENGTH = 100;

/**
 * Old id → new id for those that change. Ids that are fine are kept and never taken; the same ids in the same order
 * give the same names.
 */
export function planRenames(ids: Iterable<string>): Map<string, string> {
  const all = new Set(ids);
  const taken = new Set([...all].filter(isFine));
  const renames = new Map<string, string>();
  for (const id of all) {
    if (isFine(id)) continue;
    const wanted = identifierOf(id);
    let name = wanted;
    for (let number = 2; taken.has(name); number++) name = `${wanted}_${number}`;
    taken.add(name);
    renames.set(id, name);
  }
  return renames;
}

function isFine(id: string): boolean {
  return NODE_ID.test(id) && id.length <= MAX_LENGTH;
}

/** `old-id` → `old_id`, `1` → `n1`, `größe` → `gr__e`. Room is left for a number behind it. */
export function identifierOf(id: string): string {
  const plain = id.replace(/[^A-Za-z0-9_]/g, "_").slice(0, MAX_LENGTH - 10);
  return /^[A-Za-z_]/.test(plain) ? plain : `n${plain}`;
}
