// Turns the schema library's issues into sentences and a few kinds that stay the same when the library changes.
import type { z } from "zod";

export type SchemaProblem = { path: readonly string[]; kind: "missing" | "unknown" | "bad"; message: string };

/** One issue may name several unknown keys; each becomes a problem of its own. `value` is what was checked. */
export function describeIssue(issue: z.core.$ZodIssue, value: unknown): SchemaProblem[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...path, key],
      kind: "unknown",
      message: `there is no "${key}" here; remove it or check its spelling`,
    }));
  }
  const name = path.length === 0 ? "this" : `"${path.at(-1)}"`;
  if (!isPresent(value, issue.path)) return [{ path, kind: "missing", message: `${name} is needed; add it` }];
  return [{ path, kind: "bad", message: `${name} ${faultOf(issue)}` }];
}

/** Dot-separated, as in `nodes.2.data.config.when`. */
export function issuePath(prefix: string, path: readonly string[]): string {
  return [prefix, ...path].filter((part) => part !== "").join(".");
}

function isPresent(value: unknown, path: readonly PropertyKey[]): boolean {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return false;
    at = Reflect.get(at, key);
  }
  return true;
}

function faultOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${withArticle(issue.expected)}`;
    case "invalid_value":
      return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`;
    case "too_small":
      return `must ${boundOf("at least", issue.origin, Number(issue.minimum))}`;
    case "too_big":
      return `must ${boundOf("at most", issue.origin, Number(issue.maximum))}`;
    case "invalid_format":
      return `must be a valid ${issue.format}`;
    default:
      return `is not valid: ${issue.message}`;
  }
}

function boundOf(bound: string, origin: string, limit: number): string {
  if (origin === "string") return `be ${bound} ${limit} characters long`;
  if (origin === "array" || origin === "set") return `hold ${bound} ${limit} entries`;
  return `be ${bound} ${limit}`;
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ["int", "a whole number"],
  ["record", "an object"],
  ["object", "an object"],
  ["array", "a list"],
]);

function withArticle(expected: string): string {
  return NAMES.get(expected) ?? `a ${expected}`;
}
