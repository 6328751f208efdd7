// Where a process can be interrupted between two things: every await of a file, and every call to the database or the queue.
import path from "node:path";
import { parseSync } from "vite";

export type Interruption = {
  line: number;
  /** Names it in its file: `<function> › <callee>`, ` #2` for the next. No line: the list must outlive an edit nearby. */
  name: string;
  /** The file whose function is called, this one included; null for methods and packages. */
  calls: string | null;
  /** A crash point is the statement right before or right after it. */
  hasPoint: boolean;
};

/** What this file needs to know of a node of the tree. */
type Node = { type: string; start: number; end: number } & Record<string, unknown>;
/** A node with those around it, the nearest last. */
type Place = { node: Node; around: readonly Node[] };
type TextOf = (node: unknown) => string;

/** Modules whose functions reach the database or the queue. */
const OUTSIDE = /(^|\/)(persistence|queue)\//;
/** Methods of what is handed in that do. */
const DURABLE =
  /^(database|executor|queue|store|writer|journal|gate|session)\.(transaction|one|many|run|ring|find|write|flush|close|claim|claimAlone|letGo|acquire|recover)$/;
/** Functions of those modules that make a thing or words of SQL: nothing leaves the process. */
const HARMLESS = /^(create[A-Z]|choose[A-Z]|countRings|isBusy$|sql$|executorOf$)/;

/**
 * In the order of the text; `file` is its path from the root. What happens inside a transaction is left out, because a
 * process that dies there has changed nothing: what counts is the call that begins it, and so ends with its commit.
 */
export function findInterruptions(file: string, text: string): Interruption[] {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const places = placesOf(program as unknown as Node);
  const textOf: TextOf = (node) => text.slice((node as Node).start, (node as Node).end);
  const origins = originsOf(file, places);
  const seen = new Map<string, number>();
  return places
    .filter(({ node, around }) => {
      if (node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node.await === true))
        return true;
      if (node.type !== "CallExpression" || around.at(-1)?.type === "AwaitExpression") return false;
      const callee = textOf(node.callee);
      return DURABLE.test(callee) || (isOutside(file, origins.get(callee)) && !HARMLESS.test(callee));
    })
    .filter(({ around }) => !around.some((node) => isTransaction(node, textOf)))
    .map(({ node, around }) => {
      const words = wordsOf(node, textOf);
      const name = `${functionAround(around)} › ${words}`;
      const times = (seen.get(name) ?? 0) + 1;
      seen.set(name, times);
      return {
        line: text.slice(0, node.start).split("\n").length,
        name: times === 1 ? name : `${name} #${times}`,
        calls: origins.get(words) ?? null,
        hasPoint: isBesidePoint(around, textOf),
      };
    });
}

/** Every node below this one, with those around it. */
function placesOf(node: Node, around: readonly Node[] = []): Place[] {
  const inside = [...around, node];
  return [{ node, around }, ...childrenOf(node).flatMap((child) => placesOf(child, inside))];
}

function childrenOf(node: Node): Node[] {
  return Object.values(node)
    .flat()
    .filter((value): value is Node => typeof value === "object" && value !== null && "type" in value);
}

/** The files that the functions named here come from. */
function originsOf(file: string, places: readonly Place[]): Map<string, string> {
  const origins = new Map<string, string>();
  for (const place of places) {
    const { node } = place;
    const name = nameOf(place);
    if (name !== null && !origins.has(name)) origins.set(name, file);
    if (node.type !== "ImportDeclaration" || node.importKind === "type") continue;
    const target = resolve(file, String((node.source as Node).value));
    for (const { local } of node.specifiers as Node[]) origins.set(String((local as Node).name), target);
  }
  return origins;
}

/** In a room that speaks with the database or the queue, and not the caller's own. */
function isOutside(file: string, origin = ""): boolean {
  return OUTSIDE.test(origin) && path.dirname(origin) !== path.dirname(file);
}

function resolve(file: string, specifier: string): string {
  if (specifier.startsWith("#")) return specifier.slice(1);
  return specifier.startsWith(".") ? path.join(path.dirname(file), specifier) : specifier;
}

/** A function that is given a transaction by the name `tx`. */
function isTransaction(node: Node, textOf: TextOf): boolean {
  return isFunction(node) && (node.params as Node[]).some((parameter) => /^tx\b/.test(textOf(parameter)));
}

function isFunction({ type }: Node): boolean {
  return ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"].includes(type);
}

/** The name of a function: its own, or that of the variable or property that holds it. */
function nameOf({ node, around }: Place): string | null {
  if (!isFunction(node)) return null;
  const holder = around.at(-1);
  const held = holder?.type === "VariableDeclarator" ? holder.id : holder?.type === "Property" && holder.key;
  const name = ((node.id ?? held) as Node | undefined)?.name;
  return typeof name === "string" ? name : null;
}

/** The name of the innermost function that has one. */
function functionAround(around: readonly Node[]): string {
  const names = around.map((node, index) => nameOf({ node, around: around.slice(0, index) }));
  return names.findLast((name) => name !== null) ?? "(module)";
}

/** The callee as written, without what is handed to it; of an await without a call what is awaited. */
function wordsOf(node: Node, textOf: TextOf): string {
  const call = (node.type === "ForOfStatement" ? node.right : (node.argument ?? node)) as Node;
  if (call.type === "NewExpression") return `new ${textOf(call.callee)}`;
  if (call.type !== "CallExpression") return textOf(call);
  const callee = call.callee as Node;
  const object = callee.object as Node | undefined;
  // Of a chain of calls the first, with the names of the others.
  return object?.type === "CallExpression"
    ? `${wordsOf(object, textOf)}.${textOf(callee.property)}`
    : textOf(callee);
}

/** The innermost statement around it has a crash point for a neighbour. */
function isBesidePoint(around: readonly Node[], textOf: TextOf): boolean {
  for (const [index, statement] of [...around.entries()].toReversed()) {
    const statements = around[index - 1]?.body;
    if (!Array.isArray(statements)) continue;
    const at = statements.indexOf(statement);
    return [statements[at - 1], statements[at + 1]].some(
      (one) => one !== undefined && /^(if \(.*\) )?crashPoint\(/.test(textOf(one)),
    );
  }
  return false;
}
