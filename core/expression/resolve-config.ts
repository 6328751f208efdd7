// Compiles all `{{ }}` in a config value once, and fills in their values for each run of the node.

import { AppError } from "#core/domain/app-error.ts";
import { toText } from "./closure-operators.ts";
import { type CompiledExpression, compileExpression } from "./compile-expression.ts";
import type { Evaluator } from "./evaluator.ts";
import { limitError, MAX_DEPTH } from "./expression-errors.ts";
import { newMeter } from "./meter.ts";
import type { References, Scope } from "./scope.ts";
import { containsExpression, parseTemplate } from "./template.ts";

/** `path` leads through the config by dots (`cases.0.when`); `position` counts from 0 in the string found there. */
export type ConfigProblem = { path: string; code: string; message: string; position?: number };

/** `references` is the union over all expressions; `sync` when none of them needs an isolated process. */
export type CompiledConfig = {
  readonly references: References;
  readonly sync: boolean;
  readonly expressions: readonly ConfigExpression[];
  readonly root: ConfigPart;
};

/** `offset` is where the source starts in its string. */
export type ConfigExpression = {
  readonly path: string;
  readonly offset: number;
  readonly expression: CompiledExpression;
};

type ConfigPart =
  | { readonly kind: "constant"; readonly value: unknown }
  | { readonly kind: "value"; readonly of: ConfigExpression }
  | { readonly kind: "text"; readonly parts: readonly (string | ConfigExpression)[] }
  | { readonly kind: "array"; readonly items: readonly ConfigPart[] }
  | { readonly kind: "object"; readonly entries: readonly (readonly [string, ConfigPart])[] };

type Found = { readonly expressions: ConfigExpression[]; readonly problems: ConfigProblem[] };

/**
 * `config` is plain JSON from a stored workflow version. Object keys are left alone. Throws `expression_syntax` with
 * `problems` for all faulty strings at once.
 */
export function compileConfig(config: unknown): CompiledConfig {
  const { root, found } = compileAll(config);
  const [first] = found.problems;
  if (first !== undefined) {
    throw new AppError("expression_syntax", `${first.path}: ${first.message}`, { problems: found.problems });
  }
  return {
    references: unite(found.expressions),
    sync: found.expressions.every(({ expression }) => expression.kind === "closure"),
    expressions: found.expressions,
    root,
  };
}

/** All syntax faults of all strings, empty when there are none. Never throws for plain JSON. */
export function findConfigProblems(config: unknown): ConfigProblem[] {
  return compileAll(config).found.problems;
}

function compileAll(config: unknown): { root: ConfigPart; found: Found } {
  const found: Found = { expressions: [], problems: [] };
  return { root: compilePart(config, [], found), found };
}

function compilePart(value: unknown, path: readonly string[], found: Found): ConfigPart {
  if (typeof value === "string" && containsExpression(value)) return compileText(value, path.join("."), found);
  if (typeof value !== "object" || value === null) return { kind: "constant", value };
  if (path.length > MAX_DEPTH) {
    const message = `The config is nested deeper than ${MAX_DEPTH}`;
    found.problems.push({ path: path.slice(0, 10).join("."), code: "expression_syntax", message });
    return { kind: "constant", value: null };
  }
  if (Array.isArray(value)) {
    const items = value.map((item, i) => compilePart(item, [...path, String(i)], found));
    return items.every((item) => item.kind === "constant") ? { kind: "constant", value } : { kind: "array", items };
  }
  const entries = Object.entries(value).map(
    ([key, member]) => [key, compilePart(member, [...path, key], found)] as const,
  );
  const isConstant = entries.every(([, part]) => part.kind === "constant");
  return isConstant ? { kind: "constant", value } : { kind: "object", entries };
}

function compileText(text: string, path: string, found: Found): ConfigPart {
  const parts: (string | ConfigExpression)[] = [];
  try {
    const template = parseTemplate(text);
    for (const part of template.parts) {
      if (part.kind === "text") parts.push(part.text);
      else {
        const compiled = compileAt(part.source, part.offset, path, found);
        if (compiled !== undefined) parts.push(compiled);
      }
    }
    const only = parts.find((part) => typeof part !== "string");
    if (template.whole && only !== undefined) return { kind: "value", of: only };
  } catch (error) {
    addProblem(error, 0, path, found);
  }
  return { kind: "text", parts };
}

function compileAt(source: string, offset: number, path: string, found: Found): ConfigExpression | undefined {
  try {
    const compiled = { path, offset, expression: compileExpression(source) };
    found.expressions.push(compiled);
    return compiled;
  } catch (error) {
    addProblem(error, offset, path, found);
    return undefined;
  }
}

function addProblem(error: unknown, offset: number, path: string, found: Found): void {
  if (!(error instanceof AppError)) throw error;
  const at = error.details.position;
  const { code, message } = error;
  found.problems.push({ path, code, message, ...(typeof at === "number" ? { position: offset + at } : {}) });
}

function unite(expressions: readonly ConfigExpression[]): References {
  const all = expressions.map(({ expression }) => expression.references);
  return {
    roots: [...new Set(all.flatMap(({ roots }) => roots))],
    nodes: [...new Set(all.flatMap(({ nodes }) => nodes))],
    dynamicNodes: all.some(({ dynamicNodes }) => dynamicNodes),
    wholeScope: all.some(({ wholeScope }) => wholeScope),
  };
}

/**
 * The config with values filled in: at once when `compiled.sync`, else a promise. A whole `{{ }}` without a value leaves
 * its key out (null in an array, undefined at the top). Text that comes out of data is never read as a template.
 * Errors are those of `Evaluator.evaluate`, with `details.path`. Constant parts are shared with `compiled`: do not write.
 */
export function resolveConfig(
  compiled: CompiledConfig,
  scope: Scope,
  evaluator: Evaluator,
  seed = "",
): unknown | Promise<unknown> {
  const valueOf = (of: ConfigExpression): unknown => evaluateAt(of, scope, evaluator, seed);
  if (compiled.sync) return fill(compiled.root, valueOf, evaluator.maxOutputBytes);
  return resolveAsync(compiled, valueOf, evaluator.maxOutputBytes);
}

async function resolveAsync(
  compiled: CompiledConfig,
  valueOf: (of: ConfigExpression) => unknown,
  maxBytes: number,
): Promise<unknown> {
  const values = new Map<ConfigExpression, unknown>();
  await Promise.all(compiled.expressions.map(async (of) => values.set(of, await valueOf(of))));
  return fill(compiled.root, (of) => values.get(of), maxBytes);
}

function evaluateAt(of: ConfigExpression, scope: Scope, evaluator: Evaluator, seed: string): unknown {
  try {
    // Path and offset make two $random() in one config two numbers.
    const value = evaluator.evaluate(of.expression, scope, `${seed}\n${of.path}\n${of.offset}`);
    if (!(value instanceof Promise)) return value;
    return value.catch((error: unknown) => {
      throw withPath(error, of.path);
    });
  } catch (error) {
    throw withPath(error, of.path);
  }
}

function withPath(error: unknown, path: string): unknown {
  if (!(error instanceof AppError)) return error;
  const { code, retryable, details } = error;
  const where = path === "" ? error.message : `${path}: ${error.message}`;
  return new AppError(code, where, { retryable, details: { ...details, path }, cause: error });
}

function fill(part: ConfigPart, valueOf: (of: ConfigExpression) => unknown, maxBytes: number): unknown {
  switch (part.kind) {
    case "constant":
      return part.value;
    case "value":
      return valueOf(part.of);
    case "text":
      return joinText(part.parts, valueOf, maxBytes);
    case "array":
      return part.items.map((item) => fill(item, valueOf, maxBytes) ?? null);
    case "object":
      return fillObject(part.entries, valueOf, maxBytes);
  }
}

function fillObject(
  entries: readonly (readonly [string, ConfigPart])[],
  valueOf: (of: ConfigExpression) => unknown,
  maxBytes: number,
): Record<string, unknown> {
  const filled = entries.map(([key, part]) => [key, fill(part, valueOf, maxBytes)] as const);
  // fromEntries defines own properties, so that a key `__proto__` stays data.
  return Object.fromEntries(filled.filter(([, value]) => value !== undefined));
}

function joinText(
  parts: readonly (string | ConfigExpression)[],
  valueOf: (of: ConfigExpression) => unknown,
  maxBytes: number,
): string {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") text += part;
    else {
      const value = valueOf(part);
      text += value === null ? "" : toText(value, undefined, newMeter(maxBytes));
    }
    if (text.length > maxBytes) throw limitError("output", "A text grows too large");
  }
  return text;
}
