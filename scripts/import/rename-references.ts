// Makes expressions follow renamed nodes, and turns `nodes["id"]`, which JSONata reads as a filter, into `nodes.id`.
import { endsOperand, readToken } from "../../core/expression/read-token.ts";
import { parseTemplate } from "../../core/expression/template.ts";

export type NodeNames = {
  /** All old ids of the workflow. */
  known: ReadonlySet<string>;
  renames: ReadonlyMap<string, string>;
};

/** A copy of a JSON value in which the expressions of every text say the new names. */
export function renameReferences(value: unknown, names: NodeNames): unknown {
  if (typeof value === "string") return value.includes("{{") ? renameInTemplate(value, names) : value;
  if (Array.isArray(value)) return value.map((element) => renameReferences(element, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, renameReferences(member, names)]),
  );
}

function renameInTemplate(text: string, names: NodeNames): string {
  try {
    const { parts } = parseTemplate(text);
    return parts
      .map((part) => (part.kind === "text" ? part.text : `{{${renameInExpression(part.source, names)}}}`))
      .join("");
  } catch {
    return text; // No expression at all; validation names it.
  }
}

type Piece = { text: string; isSpace: boolean; start: number; end: number };

/** Strings, regexes and comments that merely look like a reference stay as they are. */
function renameInExpression(source: string, names: NodeNames): string {
  const pieces = split(source);
  let result = "";
  let copied = 0;
  for (const [index, piece] of pieces.entries()) {
    if (piece.text !== "nodes" || piece.start < copied || !standsAtRoot(pieces, index)) continue;
    const reference = readReference(source, pieces, index, names);
    if (!reference) continue;
    result += `${source.slice(copied, piece.end)}.${names.renames.get(reference.id) ?? reference.id}`;
    copied = reference.end;
  }
  return result + source.slice(copied);
}

function split(source: string): Piece[] {
  const pieces: Piece[] = [];
  let afterOperand = false;
  for (let at = 0; at < source.length; ) {
    const token = readToken(source, at, afterOperand);
    if (!token) break;
    pieces.push({
      text: source.slice(at, token.end),
      isSpace: token.kind === "space",
      start: at,
      end: token.end,
    });
    if (token.kind !== "space") afterOperand = endsOperand(token);
    at = token.end;
  }
  return pieces;
}

/** `item.nodes` is somebody's field; `$.nodes` and `$$.nodes` are the scope's. */
function standsAtRoot(pieces: readonly Piece[], index: number): boolean {
  const before = pieces.slice(0, index).filter((piece) => !piece.isSpace);
  if (before.at(-1)?.text !== ".") return true;
  return before.at(-2)?.text === "$" || before.at(-2)?.text === "$$";
}

function readReference(source: string, pieces: readonly Piece[], index: number, names: NodeNames) {
  const [first, second, third] = pieces.slice(index + 1).filter((piece) => !piece.isSpace);
  if (!first || !second) return null;
  if (first.text === "[") {
    const id = unquote(second.text);
    return id !== null && names.known.has(id) && third?.text === "]" ? { id, end: third.end } : null;
  }
  if (first.text !== ".") return null;
  const id = unquote(second.text);
  if (id !== null) return names.known.has(id) ? { id, end: second.end } : null;
  return readBareReference(source, second, names);
}

/** `nodes.old-id` is a subtraction to JSONata; it is taken for the id unless `old` is a node too. */
function readBareReference(source: string, word: Piece, { known, renames }: NodeNames) {
  let found: string | null = null;
  for (const id of renames.keys()) {
    const isWhole = source.startsWith(id, word.start) && !/^[\w-]/.test(source.slice(word.start + id.length));
    if (isWhole && id.length > (found?.length ?? 0)) found = id;
  }
  if (found === null || (found !== word.text && known.has(word.text))) return null;
  return { id: found, end: word.start + found.length };
}

function unquote(text: string): string | null {
  const quote = text.charAt(0);
  if (text.length < 2 || !"\"'`".includes(quote) || !text.endsWith(quote)) return null;
  return quote === "`" ? text.slice(1, -1) : text.slice(1, -1).replace(/\\(.)/g, "$1");
}
