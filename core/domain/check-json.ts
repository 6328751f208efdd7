// Finds what PostgreSQL's jsonb cannot hold, before a request gets there.
import type { Problem } from "./app-error.ts";

export const MAX_JSON_DEPTH = 200;
// A body of nothing but NULs must not be answered with a longer one.
const MAX_PROBLEMS = 20;
const MAX_KEY_SHOWN = 60;

/**
 * NUL characters and lone surrogates in any text or key, and nesting beyond 200 levels. `path` is where `value` stands
 * in the request ("" for the whole of it). At most 20 problems.
 */
export function checkJsonText(value: unknown, path = ""): Problem[] {
  const problems: Problem[] = [];
  visit(value, { path, depth: 0, problems });
  return problems;
}

type Place = { path: string; depth: number; problems: Problem[] };

function visit(value: unknown, { path, depth, problems }: Place): void {
  if (problems.length >= MAX_PROBLEMS) return;
  if (typeof value === "string") {
    const fault = faultOf(value);
    if (fault) problems.push({ path, message: `This text ${fault}` });
    return;
  }
  if (typeof value !== "object" || value === null) return;
  if (depth >= MAX_JSON_DEPTH) {
    problems.push({ path, message: `This is nested deeper than ${MAX_JSON_DEPTH} levels; make it flatter` });
    return;
  }
  if (Array.isArray(value)) {
    for (const [index, element] of value.entries()) {
      visit(element, { path: join(path, String(index)), depth: depth + 1, problems });
    }
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    const place = join(path, key);
    const fault = faultOf(key);
    if (fault) problems.push({ path: place, message: `This key ${fault}` });
    visit(member, { path: place, depth: depth + 1, problems });
  }
}

function faultOf(text: string): string | undefined {
  if (text.includes("\u0000")) return "holds a NUL character (\\u0000); remove it";
  if (!text.isWellFormed()) return "holds half of a surrogate pair; send whole characters";
  return undefined;
}

/** The path goes into answers and logs, so it must not carry the fault itself. */
function join(path: string, key: string): string {
  const shown = key.slice(0, MAX_KEY_SHOWN).toWellFormed().replaceAll("\u0000", "\u2400");
  return path === "" ? shown : `${path}.${shown}`;
}
