// Turns a syntax tree into a closure when every node of it is of bounded cost; any other node means: evaluate isolated.

import { BINARY_OPERATORS, negate, toBoolean } from "./closure-operators.ts";
import { compilePath } from "./compile-path.ts";
import { failedError } from "./expression-errors.ts";
import { type Meter, spend } from "./meter.ts";
import type { SyntaxNode, SyntaxPair } from "./parse-syntax.ts";
import type { Scope } from "./scope.ts";

export type Closure = (scope: Scope, meter: Meter) => unknown;

// A key of the tree that is not listed carries a meaning (predicate, group, focus …) that closures do not have.
const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  string: [],
  number: [],
  value: [],
  path: ["steps", "keepSingletonArray"],
  binary: ["lhs", "rhs"],
  unary: ["expression", "expressions", "lhs"],
  condition: ["condition", "then", "else"],
  block: ["expressions"],
  function: ["name", "arguments", "procedure"],
};

/** Undefined when the tree has to be evaluated isolated. */
export function compileClosure(node: SyntaxNode): Closure | undefined {
  const known = KNOWN_KEYS[node.type];
  if (known === undefined) return undefined;
  for (const key of Object.keys(node)) {
    if (key !== "type" && key !== "value" && key !== "position" && !known.includes(key)) return undefined;
  }
  switch (node.type) {
    case "path":
      return compilePath(node);
    case "binary":
      return compileBinary(node);
    case "unary":
      return compileUnary(node);
    case "condition":
      return compileCondition(node);
    case "block":
      return compileBlock(node);
    case "function":
      return compileExists(node);
    default:
      return compileLiteral(node.value);
  }
}

function compileLiteral(value: unknown): Closure {
  return () => value;
}

function compileBinary(node: SyntaxNode): Closure | undefined {
  if (node.lhs === undefined || isPairs(node.lhs) || node.rhs === undefined) return undefined;
  const lhs = compileClosure(node.lhs);
  const rhs = compileClosure(node.rhs);
  if (lhs === undefined || rhs === undefined) return undefined;
  const token = String(node.value);
  const position = node.position;
  if (token === "and" || token === "or") {
    const decides = token === "or";
    return (scope, meter) => {
      const left = toBoolean(lhs(scope, meter), position, meter);
      return left === decides ? left : toBoolean(rhs(scope, meter), position, meter);
    };
  }
  const operator = Object.hasOwn(BINARY_OPERATORS, token) ? BINARY_OPERATORS[token] : undefined;
  if (operator === undefined) return undefined;
  return (scope, meter) => operator(lhs(scope, meter), rhs(scope, meter), position, meter);
}

function compileUnary(node: SyntaxNode): Closure | undefined {
  if (node.value === "[") return compileArray(node.expressions ?? []);
  if (node.value === "{") return isPairs(node.lhs) ? compileObject(node.lhs, node.position) : undefined;
  const inner = node.expression === undefined ? undefined : compileClosure(node.expression);
  if (inner === undefined || node.value !== "-") return undefined;
  return (scope, meter) => negate(inner(scope, meter), node.position);
}

function compileAll(nodes: readonly SyntaxNode[]): Closure[] | undefined {
  const closures: Closure[] = [];
  for (const node of nodes) {
    const closure = compileClosure(node);
    if (closure === undefined) return undefined;
    closures.push(closure);
  }
  return closures;
}

/** Members that are arrays are spread, unless they are written as `[…]` in place; undefined members vanish. */
function compileArray(nodes: readonly SyntaxNode[]): Closure | undefined {
  const members = compileAll(nodes);
  if (members === undefined) return undefined;
  const nested = nodes.map((node) => node.type === "unary" && node.value === "[");
  return (scope, meter) => {
    const result: unknown[] = [];
    for (let i = 0; i < members.length; i++) {
      const value = members[i]?.(scope, meter);
      if (nested[i] === true || !Array.isArray(value)) {
        if (value !== undefined) result.push(value);
        continue;
      }
      spend(meter, value.length);
      for (const member of value) result.push(member);
    }
    return result;
  };
}

function compileObject(pairs: readonly SyntaxPair[], position: number | undefined): Closure | undefined {
  const keys = compileAll(pairs.map(([key]) => key));
  const values = compileAll(pairs.map(([, value]) => value));
  if (keys === undefined || values === undefined) return undefined;
  return (scope, meter) => {
    const entries = new Map<string, Closure>();
    for (let i = 0; i < keys.length; i++) {
      const value = values[i];
      const key = keys[i]?.(scope, meter);
      if (key === undefined || value === undefined) continue;
      entries.set(checkKey(key, entries, position), value);
    }
    const result: Record<string, unknown> = {};
    for (const [key, closure] of entries) {
      const value = closure(scope, meter);
      if (value !== undefined) setOwn(result, key, value);
    }
    return result;
  };
}

function checkKey(key: unknown, taken: ReadonlyMap<string, Closure>, position: number | undefined): string {
  if (typeof key !== "string") throw failedError("T1003", "A key of an object must be a string", position);
  if (key === "_jsonata_lambda" || key === "_jsonata_function") {
    throw failedError("D1013", `The key ${key} is reserved`, position);
  }
  if (taken.has(key))
    throw failedError("D1009", `Two keys of an object are both ${key.slice(0, 100)}`, position);
  return key;
}

function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}

function compileCondition(node: SyntaxNode): Closure | undefined {
  if (node.condition === undefined || node.then === undefined) return undefined;
  const closures = compileAll([node.condition, node.then, ...(node.else === undefined ? [] : [node.else])]);
  const [condition, then, otherwise] = closures ?? [];
  if (condition === undefined || then === undefined) return undefined;
  const position = node.position;
  return (scope, meter) =>
    toBoolean(condition(scope, meter), position, meter) ? then(scope, meter) : otherwise?.(scope, meter);
}

/** Parentheses around one expression; several in a row are only of use with variables, which closures do not have. */
function compileBlock(node: SyntaxNode): Closure | undefined {
  const only = node.expressions?.length === 1 ? node.expressions[0] : undefined;
  return only === undefined ? undefined : compileClosure(only);
}

/** `$exists(x)`, because `x ?? y` is written with it; a rebound $exists needs a variable, hence the isolated path. */
function compileExists(node: SyntaxNode): Closure | undefined {
  const [argument, second] = node.arguments ?? [];
  const isExists = node.procedure?.type === "variable" && node.procedure.value === "exists";
  if (!isExists || Object.hasOwn(node.procedure ?? {}, "predicate")) return undefined;
  if (argument === undefined || second !== undefined) return undefined;
  const inner = compileClosure(argument);
  return inner === undefined ? undefined : (scope, meter) => inner(scope, meter) !== undefined;
}

function isPairs(value: SyntaxNode["lhs"]): value is readonly SyntaxPair[] {
  return Array.isArray(value);
}
