// Checks that every expression can be read and mentions only what will be there when its node runs.

import { type Ancestry, createAncestry } from "../../domain/ancestry.ts";
import { AppError } from "../../domain/app-error.ts";
import { enclosingLoops } from "../../domain/compile-graph.ts";
import { configOf, type DrawnGraph, type DrawnNode } from "../../domain/drawn-graph.ts";
import type { GraphProblem } from "../../domain/graph.ts";
import { issuePath } from "../../domain/schema-problems.ts";
import { compileConfig, findConfigProblems } from "../../expression/resolve-config.ts";
import { type References, SCOPE_ROOTS } from "../../expression/scope.ts";
import { containsExpression } from "../../expression/template.ts";

const ROOTS: ReadonlySet<string> = new Set(SCOPE_ROOTS);
const LOOP_ROOTS: ReadonlySet<string> = new Set(["item", "index"]);

type Fault = { code: string; message: string; position?: number };
type Place = { drawn: DrawnGraph; ancestry: Ancestry; nodeId: string };

// A parse blocks the process for about 70 µs: a 2 MB body of nothing but {{a}} would hold it for 20 s, this for 0.7 s.
const MAX_EXPRESSIONS = 10_000;

/**
 * Codes `too_many_expressions`, `unknown_name`, `item_outside_loop`, `unknown_reference`, `reference_not_upstream`, `reference_in_loop` and
 * those of the compiler (`expression_syntax`, with position).
 */
export function checkExpressions(drawn: DrawnGraph): GraphProblem[] {
  const texts = drawn.nodes.flatMap(expressionsOf);
  const count = texts.reduce((sum, { text }) => sum + text.split("{{").length - 1, 0);
  if (count > MAX_EXPRESSIONS) {
    const message = `The graph has ${count} expressions, at most ${MAX_EXPRESSIONS} are allowed; split it up`;
    return [{ path: "nodes", code: "too_many_expressions", message }];
  }
  const ancestry = createAncestry(drawn.compiled);
  return texts.flatMap(({ nodeId, path, text }) =>
    faultsOf(text, { drawn, ancestry, nodeId }).map((fault) => ({ nodeId, path, ...fault })),
  );
}

/** Each text is compiled once, alone: a parse takes about 70 µs, and this way a fault has its exact place. */
function faultsOf(text: string, place: Place): Fault[] {
  const references = referencesOf(text);
  if (!references) {
    return findConfigProblems(text).map(({ path: _path, ...fault }) => fault);
  }
  return [
    ...references.roots.flatMap((root) => rootFault(root, place) ?? []),
    ...references.nodes.flatMap((id) => nodeFault(id, place) ?? []),
  ];
}

/** undefined for what does not compile. */
function referencesOf(text: string): References | undefined {
  try {
    return compileConfig(text).references;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

function rootFault(root: string, { drawn, nodeId }: Place): Fault | undefined {
  if (!ROOTS.has(root)) {
    const hint = drawn.byId.has(root)
      ? `write nodes.${root} for that node's output`
      : `use ${[...ROOTS].join(", ")}`;
    return { code: "unknown_name", message: `There is no "${root}" in expressions; ${hint}` };
  }
  // Only null is "outside"; undefined is a node on or behind a cycle, whose loop is not known.
  if (!LOOP_ROOTS.has(root) || drawn.compiled.loopOf.get(nodeId) !== null) return undefined;
  const message = `"${root}" exists only in the body of a flow.forEach, and "${nodeId}" lies outside`;
  return { code: "item_outside_loop", message };
}

function nodeFault(id: string, { drawn, ancestry, nodeId }: Place): Fault | undefined {
  if (!drawn.byId.has(id)) {
    const message = `There is no node "${id}"; name a node that runs before "${nodeId}"`;
    return { code: "unknown_reference", message };
  }
  const loops = enclosingLoops(drawn.compiled, nodeId);
  if (loops.includes(id)) {
    const message = `Loop "${id}" has no output while its body runs; use item and index, or nodes.${id} after port done`;
    return { code: "reference_in_loop", message };
  }
  // A node on a cycle has no ancestors to speak of, and the cycle is reported already.
  if (ancestry.isAncestor(id, nodeId) ?? true) return undefined;
  const body = enclosingLoops(drawn.compiled, id).find((loop) => !loops.includes(loop));
  if (body !== undefined && body !== nodeId) {
    const message = `"${id}" lies in the body of loop "${body}" and is seen only there; outside use nodes.${body}, the list of results`;
    return { code: "reference_in_loop", message };
  }
  const message = `"${id}" does not run before "${nodeId}"; draw a way from one to the other or name another node`;
  return { code: "reference_not_upstream", message };
}

type DrawnExpression = { nodeId: string; path: string; text: string };

/** Every text of the config that holds an expression, with the path to it; in literal fields `{{` is none. */
function expressionsOf({ index, node, definition }: DrawnNode): DrawnExpression[] {
  const found: DrawnExpression[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value === "string") {
      if (containsExpression(value)) found.push({ nodeId: node.id, path, text: value });
    } else if (typeof value === "object" && value !== null) {
      for (const [key, member] of Object.entries(value)) visit(member, issuePath(path, [key]));
    }
  };
  for (const [key, member] of Object.entries(configOf(node))) {
    const isLiteral = Object.hasOwn(definition?.literal ?? {}, key);
    if (!isLiteral) visit(member, issuePath(`nodes.${index}.data.config`, [key]));
  }
  return found;
}
