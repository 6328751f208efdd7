// Where an input names files: any object with a `$file` text, however deep.

/** The ids in order of first sight, each once; they are not checked to be UUIDs. */
export function findFileReferences(input: unknown): string[] {
  const ids = new Set<string>();
  // A stack of its own: depth must not depend on JavaScript's.
  const open: unknown[] = [input];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) continue;
    if ("$file" in value && typeof value.$file === "string") ids.add(value.$file);
    const members: unknown[] = Object.values(value);
    for (let index = members.length - 1; index >= 0; index--) open.push(members[index]);
  }
  return [...ids];
}
