// What a process remembers of workspaces and workflows, without an end to how many there are.

const MAX_KNOWN = 10_000;

/** Whoever was learned first is forgotten first, and learned again when it comes back. */
export function remember<Value>(known: Map<string, Value>, id: string, value: Value): void {
  known.delete(id);
  known.set(id, value);
  if (known.size > MAX_KNOWN) known.delete(known.keys().next().value as string);
}
