// JSONata's own parser behind the guards: source in, a checked syntax tree out, every fault an `expression_syntax`.

import jsonata from "jsonata";
import { MAX_DEPTH, syntaxError } from "./expression-errors.ts";
import { guardSource } from "./guard-source.ts";
import { compileRegex } from "./regex-engine.ts";

/** The parts of JSONata's tree that we read; other keys exist, and an unknown one means "not a closure". */
export type SyntaxNode = {
  readonly type: string;
  readonly value?: unknown;
  readonly position?: number;
  readonly keepArray?: boolean;
  readonly keepSingletonArray?: boolean;
  readonly steps?: readonly SyntaxNode[];
  readonly stages?: readonly { readonly type: string; readonly expr: SyntaxNode }[];
  readonly expressions?: readonly SyntaxNode[];
  readonly expression?: SyntaxNode;
  readonly lhs?: SyntaxNode | readonly SyntaxPair[];
  readonly rhs?: SyntaxNode;
  readonly condition?: SyntaxNode;
  readonly then?: SyntaxNode;
  readonly else?: SyntaxNode;
  readonly signature?: unknown;
  readonly procedure?: SyntaxNode;
  readonly arguments?: readonly SyntaxNode[];
};
export type SyntaxPair = readonly [SyntaxNode, SyntaxNode];

// Bookkeeping of the parser: labels of ancestors (shared, not children) and compiled function signatures.
const NOT_CHILDREN = new Set(["ancestor", "slot", "seekingParent", "signature"]);

/** The tree of one expression. Throws `expression_syntax`; `details.position` counts from 0 in `source`. */
export function parseSyntax(source: string): SyntaxNode {
  guardSource(source);
  let tree: SyntaxNode;
  try {
    tree = jsonata(source).ast() as unknown as SyntaxNode;
  } catch (error) {
    throw toSyntaxError(source, error);
  }
  checkTree(source, tree, 0);
  return tree;
}

function toSyntaxError(source: string, error: unknown): Error {
  if (error instanceof RangeError)
    return syntaxError(source, 0, "The expression is nested too deeply", error);
  const { message, position } = error as { message?: unknown; position?: unknown };
  const at = typeof position === "number" ? Math.min(position, source.length) : 0;
  const text = typeof message === "string" ? message.slice(0, 300) : "The expression cannot be read";
  return syntaxError(source, at, text, error);
}

// Recursion is safe: it stops at 200, and chains of left operands, which do not count, end at 2,000 in the guard.
function checkTree(source: string, value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null || value instanceof RegExp) return;
  if (Array.isArray(value)) {
    for (const item of value) checkTree(source, item, depth);
    return;
  }
  const node = value as SyntaxNode;
  if (typeof node.type === "string") checkNode(source, node, depth);
  for (const [key, child] of Object.entries(node)) {
    if (!NOT_CHILDREN.has(key)) checkTree(source, child, depth + (isChain(node, key) ? 0 : 1));
  }
}

/** In `a & b & c` and `p ? 1 : q ? 2 : 3` nothing is nested for a reader, so it does not count. */
function isChain(node: SyntaxNode, key: string): boolean {
  return (node.type === "binary" && key === "lhs") || (node.type === "condition" && key === "else");
}

function checkNode(source: string, node: SyntaxNode, depth: number): void {
  const position = node.position ?? 0;
  if (depth > MAX_DEPTH)
    throw syntaxError(source, position, `The expression is nested deeper than ${MAX_DEPTH}`);
  if (node.type === "variable" && node.value === "eval") {
    throw syntaxError(
      source,
      position,
      "$eval is not available: expressions come from the workflow, never from data",
    );
  }
  if (node.type === "regex" && node.value instanceof RegExp) checkRegex(source, node.value, position);
}

function checkRegex(source: string, pattern: RegExp, position: number): void {
  try {
    compileRegex(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : "";
    throw syntaxError(source, position, `This regular expression is not supported: ${reason}`, error);
  }
}
