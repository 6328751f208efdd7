// Which roots and nodes a syntax tree can reach: what to send to the evaluating process, and what to check at save.

import type { SyntaxNode } from "./parse-syntax.ts";
import type { References } from "./scope.ts";

/** Mutable while the tree is walked. */
type Found = { roots: Set<string>; nodes: Set<string>; dynamicNodes: boolean; wholeScope: boolean };

// These read the context value when an argument is missing, so at the top they read the scope. The number is how many
// arguments make the context unused.
const CONTEXT_FUNCTIONS: Readonly<Record<string, number>> = {
  keys: 1,
  lookup: 2,
  spread: 1,
  each: 2,
  sift: 2,
  clone: 1,
  boolean: 1,
  not: 1,
  string: 1,
};

/** In doubt everything: an expression must never see less than it would on the whole scope. */
export function findReferences(tree: SyntaxNode): References {
  const found: Found = { roots: new Set(), nodes: new Set(), dynamicNodes: false, wholeScope: false };
  walk(tree, true, found);
  return {
    roots: [...found.roots],
    nodes: [...found.nodes],
    dynamicNodes: found.dynamicNodes || found.wholeScope,
    wholeScope: found.wholeScope,
  };
}

/** `atTop`: the context value is the scope itself, so a bare name is a root. */
function walk(node: SyntaxNode, atTop: boolean, found: Found): void {
  if (node.type === "path") {
    walkPath(node, atTop, found);
    return;
  }
  if (node.type === "parent") found.wholeScope = true;
  if (atTop && (node.type === "wildcard" || node.type === "descendant")) found.wholeScope = true;
  if (node.type === "variable") walkVariable(node, atTop, found);
  if (node.type === "lambda" && node.signature !== undefined) found.wholeScope ||= atTop;
  if (node.type === "function" && isKnownCall(node)) {
    for (const argument of node.arguments ?? []) walk(argument, atTop, found);
    walkRest(node, ["arguments", "procedure"], atTop, found);
  } else {
    walkRest(node, [], atTop, found);
  }
}

/** A call with all its arguments: its name is no free mention of the function. */
function isKnownCall(node: SyntaxNode): boolean {
  const name = node.procedure?.type === "variable" ? node.procedure.value : undefined;
  if (typeof name !== "string" || name === "" || name === "$") return false;
  if (!Object.hasOwn(CONTEXT_FUNCTIONS, name)) return true;
  return (node.arguments?.length ?? 0) >= (CONTEXT_FUNCTIONS[name] ?? 0);
}

function walkVariable(node: SyntaxNode, atTop: boolean, found: Found): void {
  if (node.value === "$" || (node.value === "" && atTop)) found.wholeScope = true;
  if (typeof node.value === "string" && Object.hasOwn(CONTEXT_FUNCTIONS, node.value)) found.wholeScope = true;
}

// Predicates, groups, sort terms and the two sides of a transform have another context value than their parent.
const INNER_KEYS = new Set(["predicate", "stages", "group", "terms", "pattern", "update", "delete"]);
const NO_CHILDREN = new Set(["value", "ancestor", "slot", "seekingParent", "signature"]);

function walkRest(node: SyntaxNode, skip: readonly string[], atTop: boolean, found: Found): void {
  for (const [key, child] of Object.entries(node)) {
    if (skip.includes(key) || NO_CHILDREN.has(key)) continue;
    walkChild(child, atTop && !INNER_KEYS.has(key), found);
  }
}

function walkChild(child: unknown, atTop: boolean, found: Found): void {
  if (typeof child !== "object" || child === null) return;
  if (Array.isArray(child)) {
    for (const item of child) walkChild(item, atTop, found);
  } else if ("type" in child && child.type !== "filter") {
    walk(child as SyntaxNode, atTop, found);
  } else {
    for (const part of Object.values(child)) walkChild(part, atTop, found);
  }
}

function walkPath(node: SyntaxNode, atTop: boolean, found: Found): void {
  const steps = node.steps ?? [];
  const first = steps[0];
  let rest = steps.slice(1);
  if (first?.type === "name") {
    walkRest(first, [], false, found);
    if (atTop) addRoot(first, rest[0], found);
  } else if (first?.type === "variable" && isScopeVariable(first, atTop) && rest[0]?.type === "name") {
    walkRest(first, [], false, found);
    if (first.value === "" && !atTop) found.wholeScope = true;
    addRoot(rest[0], rest[1], found);
    walkRest(rest[0], [], false, found);
    rest = rest.slice(1);
  } else if (first !== undefined) {
    walk(first, atTop, found);
  }
  for (const step of rest) walk(step, false, found);
  walkRest(node, ["steps"], false, found);
}

function isScopeVariable(node: SyntaxNode, atTop: boolean): boolean {
  return (node.value === "$" || (node.value === "" && atTop)) && !Object.hasOwn(node, "predicate");
}

function addRoot(root: SyntaxNode, next: SyntaxNode | undefined, found: Found): void {
  const name = String(root.value);
  found.roots.add(name);
  if (name !== "nodes") return;
  const isPlain = !Object.hasOwn(root, "stages") && next?.type === "name";
  if (isPlain) found.nodes.add(String(next.value));
  else found.dynamicNodes = true;
}
