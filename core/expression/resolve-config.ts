// Compiles all `{{ }}` in a config value once, and fills in their values for each run of the node.

import { AppError } from "#core/domain/app-error.ts";
import type { LiteralFields } from "#core/domain/node.ts";
import type { TurnOptions } from "#core/sandbox/wait-queue.ts";
import { toText } from "./closure-operators.ts";
import {
  buildConfigTree,
  type ConfigExpression,
  type ConfigPart,
  type ConfigProblem,
} from "./config-tree.ts";
import type { Evaluator } from "./evaluator.ts";
import { limitError } from "./expression-errors.ts";
import { newMeter } from "./meter.ts";
import type { References, Scope } from "./scope.ts";

/** `references` is the union over all expressions; `sync` when none of them needs an isolated process. */
export type CompiledConfig = {
  readonly references: References;
  readonly sync: boolean;
  readonly expressions: readonly ConfigExpression[];
  readonly root: ConfigPart;
};

/**
 * `config` is plain JSON from a stored workflow version. Object keys are left alone, and so is what stands under the
 * `literal` ones. Throws `expression_syntax` with `problems` for all faulty strings at once.
 */
export function compileConfig(config: unknown, literal?: LiteralFields): CompiledConfig {
  const { root, found } = buildConfigTree(config, literal);
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
  return buildConfigTree(config).found.problems;
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
 * Errors are those of `Evaluator.evaluate`, with `details.path`; the reason of `options.signal` stays as it is. Constant parts are shared with `compiled`: do not write.
 */
export function resolveConfig(
  compiled: CompiledConfig,
  scope: Scope,
  evaluator: Evaluator,
  seed = "",
  options: TurnOptions = {},
): unknown | Promise<unknown> {
  const lookUp = (of: ConfigExpression): unknown => evaluateAt(of, scope, evaluator, seed, options);
  if (compiled.sync) return fill(compiled.root, lookUp, evaluator.maxOutputBytes);
  return resolveAsync(compiled, lookUp, evaluator.maxOutputBytes);
}

async function resolveAsync(
  compiled: CompiledConfig,
  lookUp: (of: ConfigExpression) => unknown,
  maxBytes: number,
): Promise<unknown> {
  const values = new Map<ConfigExpression, unknown>();
  await Promise.all(compiled.expressions.map(async (of) => values.set(of, await lookUp(of))));
  return fill(compiled.root, (of) => values.get(of), maxBytes);
}

function evaluateAt(
  of: ConfigExpression,
  scope: Scope,
  evaluator: Evaluator,
  seed: string,
  options: TurnOptions,
): unknown {
  try {
    if (of.expression.kind === "closure") return evaluator.evaluate(of.expression, scope);
    // Path and offset make two $random() in one config two numbers.
    const value = evaluator.evaluate(of.expression, scope, `${seed}\n${of.path}\n${of.offset}`, options);
    if (!(value instanceof Promise)) return value;
    return value.catch((error: unknown) => {
      const { signal } = options;
      throw signal?.aborted && error === signal.reason ? error : withPath(error, of.path);
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

function fill(part: ConfigPart, lookUp: (of: ConfigExpression) => unknown, maxBytes: number): unknown {
  switch (part.kind) {
    case "constant":
      return part.value;
    case "value":
      return lookUp(part.of);
    case "text":
      return joinText(part.parts, lookUp, maxBytes);
    case "array":
      return part.items.map((item) => fill(item, lookUp, maxBytes) ?? null);
    case "object":
      return fillObject(part.entries, lookUp, maxBytes);
  }
}

function fillObject(
  entries: readonly (readonly [string, ConfigPart])[],
  lookUp: (of: ConfigExpression) => unknown,
  maxBytes: number,
): Record<string, unknown> {
  const filled = entries.map(([key, part]) => [key, fill(part, lookUp, maxBytes)] as const);
  // fromEntries defines own properties, so that a key `__proto__` stays data.
  return Object.fromEntries(filled.filter(([, value]) => value !== undefined));
}

function joinText(
  parts: readonly (string | ConfigExpression)[],
  lookUp: (of: ConfigExpression) => unknown,
  maxBytes: number,
): string {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") text += part;
    else {
      const value = lookUp(part);
      text += value === null ? "" : toText(value, undefined, newMeter(maxBytes));
    }
    if (text.length > maxBytes) throw limitError("output", "A text grows too large");
  }
  return text;
}
