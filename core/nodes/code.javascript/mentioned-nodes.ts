// Which nodes a script can read, from its text: what it cannot name need not be sent to it.

// Ways to a name that its letters do not show: escapes, eval, and parameters by number.
const HIDDEN = /\\u|\beval\b|\barguments\b/;
const NODES =
  /\bnodes\b(?:\s*(?:\?\.|\.)\s*([A-Za-z_][A-Za-z0-9_]*)|\s*(?:\?\.)?\[\s*(["'])([A-Za-z_][A-Za-z0-9_]*)\2\s*\])?/g;

/** undefined when only the run itself can tell. Names in comments and texts count too: that sends too much, never too little. */
export function mentionedNodes(source: string): string[] | undefined {
  if (HIDDEN.test(source)) return undefined;
  const ids = new Set<string>();
  for (const [, dotted, , quoted] of source.matchAll(NODES)) {
    const id = dotted ?? quoted;
    if (id === undefined) return undefined;
    ids.add(id);
  }
  return [...ids];
}
