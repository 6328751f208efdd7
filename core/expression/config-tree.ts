// A config value as a tree of constants and compiled expressions, with every fault found on the way.

import { AppError } from "#core/domain/app-error.ts";
import type { LiteralFields } from "#core/domain/node.ts";
import { type CompiledExpression, compileExpression } from "./compile-expression.ts";
import { MAX_DEPTH } from "./expression-errors.ts";
import { containsExpression, parseTemplate } from "./template.ts";

/** `path` leads through the config by dots (`cases.0.when`); `position` counts from 0 in the string found there. */
export type ConfigProblem = { path: string; code: string; message: string; position?: number };

/** `offset` is where the source starts in its string. */
export type ConfigExpression = {
  readonly path: string;
  readonly offset: number;
  readonly expression: CompiledExpression;
};

export type ConfigPart =
  | { readonly kind: "constant"; readonly value: unknown }
  | { readonly kind: "value"; readonly of: ConfigExpression }
  | { readonly kind: "text"; readonly parts: readonly (string | ConfigExpression)[] }
  | { readonly kind: "array"; readonly items: readonly ConfigPart[] }
  | { readonly kind: "object"; readonly entries: readonly (readonly [string, ConfigPart])[] };

type Found = {
  readonly expressions: ConfigExpression[];
  readonly problems: ConfigProblem[];
  readonly literal: LiteralFields;
};

/**
 * Walks a JSON value; the faults of all its strings are in `found.problems`, where the tree has gaps. What stands under
 * a key of `literal` at the top is taken as it is.
 */
export function buildConfigTree(
  config: unknown,
  literal: LiteralFields = {},
): { root: ConfigPart; found: Found } {
  const found: Found = { expressions: [], problems: [], literal };
  return { root: compilePart(config, [], found), found };
}

function compilePart(value: unknown, path: readonly string[], found: Found): ConfigPart {
  if (path.length === 1 && Object.hasOwn(found.literal, path[0] ?? "")) return { kind: "constant", value };
  if (typeof value === "string" && containsExpression(value))
    return compileText(value, path.join("."), found);
  if (typeof value !== "object" || value === null) return { kind: "constant", value };
  if (path.length > MAX_DEPTH) {
    const message = `The config is nested deeper than ${MAX_DEPTH}`;
    found.problems.push({ path: path.slice(0, 10).join("."), code: "expression_syntax", message });
    return { kind: "constant", value: null };
  }
  if (Array.isArray(value)) {
    const items = value.map((item, i) => compilePart(item, [...path, String(i)], found));
    return items.every((item) => item.kind === "constant")
      ? { kind: "constant", value }
      : { kind: "array", items };
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
