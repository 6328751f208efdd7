// Refuses source that would make the parser itself blow up, before the parser sees it.

import { MAX_DEPTH, MAX_SOURCE_LENGTH, syntaxError } from "./expression-errors.ts";
import { endsOperand, readToken } from "./read-token.ts";

// A chain of n operators is n parser frames deep and a path of n steps costs n² when it is built: 2,000 take 40 ms.
const MAX_OPERATOR_CHAIN = 2_000;
// JSONata's parser copies the left side of every `?:` and `??`, so nesting them in brackets doubles the tree each time
// (30 levels are a billion nodes from 200 characters). This bounds source length times number of copies.
const MAX_COPIED_LENGTH = 4 * 1024 * 1024;
const MAX_REGEX_LENGTH = 1_000;

/** What is known of one open bracket: the operators since the last comma, and the deepest child there. */
type Level = { operators: number; copies: 0 | 1; childChain: number; childCopies: number };

/** Throws `expression_syntax` for source over 256 KB, brackets or chains too deep, or copies too many. */
export function guardSource(source: string): void {
  if (source.length > MAX_SOURCE_LENGTH) {
    throw syntaxError(source, 0, `The expression is longer than ${MAX_SOURCE_LENGTH / 1024} KB`);
  }
  const levels: Level[] = [newLevel()];
  let afterOperand = false;
  for (let at = 0; at < source.length; ) {
    const token = readToken(source, at, afterOperand);
    // No end of a string or comment: the parser says so better.
    if (token === undefined) return;
    if (token.kind === "regex" && token.text.length > MAX_REGEX_LENGTH) {
      throw syntaxError(source, at, `A regular expression is longer than ${MAX_REGEX_LENGTH} characters`);
    }
    if (token.kind === "open" && levels.push(newLevel()) > MAX_DEPTH + 1) {
      throw syntaxError(source, at, `Brackets are nested deeper than ${MAX_DEPTH}`);
    }
    if (token.kind === "close" && levels.length > 1) closeLevel(levels);
    const level = levels[levels.length - 1];
    if (level !== undefined) countToken(level, token.kind, token.text);
    if (level !== undefined) checkLevel(source, at, level);
    if (token.kind !== "space") afterOperand = endsOperand(token);
    at = token.end;
  }
}

function newLevel(): Level {
  return { operators: 0, copies: 0, childChain: 0, childCopies: 0 };
}

// A comma starts a sibling, which is no deeper: only the chain starts again, the deepest child is remembered.
function countToken(level: Level, kind: string, text: string): void {
  if (kind === "separator") {
    level.childChain = Math.max(level.childChain, level.operators);
    level.operators = 0;
  } else if (kind === "operator") {
    level.operators++;
    if (text === "?:" || text === "??") level.copies = 1;
  }
}

function closeLevel(levels: Level[]): void {
  const closed = levels.pop();
  const parent = levels[levels.length - 1];
  if (closed === undefined || parent === undefined) return;
  parent.childChain = Math.max(parent.childChain, closed.childChain + closed.operators + 1);
  parent.childCopies = Math.max(parent.childCopies, closed.childCopies + closed.copies);
}

function checkLevel(source: string, at: number, level: Level): void {
  if (level.operators + level.childChain > MAX_OPERATOR_CHAIN) {
    throw syntaxError(source, at, `More than ${MAX_OPERATOR_CHAIN} operators hang on each other`);
  }
  if (source.length * 2 ** (level.copies + level.childCopies) > MAX_COPIED_LENGTH) {
    throw syntaxError(source, at, "The operators ?: and ?? are nested too deeply");
  }
}
