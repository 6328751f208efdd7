// Compiles one expression: a closure of bounded cost where the tree allows it, else source for an isolated process.

import { compileClosure } from "./compile-closure.ts";
import { DEFAULT_MAX_OUTPUT_BYTES, limitError } from "./expression-errors.ts";
import { findReferences } from "./find-references.ts";
import { assertJson } from "./measure-json.ts";
import { newMeter } from "./meter.ts";
import { parseSyntax } from "./parse-syntax.ts";
import type { References, Scope } from "./scope.ts";

/** `evaluateClosure` is there when `kind` is closure; its result may share objects with the scope. */
export type CompiledExpression = {
  readonly source: string;
  readonly kind: "closure" | "isolated";
  readonly references: References;
  readonly evaluateClosure?: (scope: Scope, maxOutputBytes?: number) => unknown;
};

/**
 * `source` is what stands between `{{` and `}}`, at most 256 KB. Compile from stored workflow versions only, never from
 * run-time data. Throws `expression_syntax` with details {position, line, column, source}.
 */
export function compileExpression(source: string): CompiledExpression {
  const tree = parseSyntax(source);
  const references = findReferences(tree);
  const closure = compileClosure(tree);
  if (closure === undefined) return { source, kind: "isolated", references };
  const evaluateClosure = (scope: Scope, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES): unknown => {
    try {
      const value = closure(scope, newMeter(maxOutputBytes));
      if (value !== undefined && typeof value !== "boolean") assertJson(value, maxOutputBytes);
      // -0 is the one finite number that JSON does not give back.
      return value === 0 ? 0 : value;
    } catch (error) {
      if (error instanceof RangeError) throw limitError("depth", "The data is nested too deeply", error);
      throw error;
    }
  };
  return { source, kind: "closure", references, evaluateClosure };
}
