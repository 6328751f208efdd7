// Splits a config string into literal text and the expressions between `{{` and `}}`.

import { MAX_SOURCE_LENGTH, syntaxError } from "./expression-errors.ts";
import { endsOperand, readToken } from "./read-token.ts";

export type TemplatePart =
  | { readonly kind: "text"; readonly text: string; readonly offset: number }
  | { readonly kind: "expression"; readonly source: string; readonly offset: number };

/**
 * `offset` of an expression is where its source starts, behind the `{{`. `whole`: the string is one expression with at
 * most white space around it, so its value keeps its type; otherwise the parts are joined as text.
 */
export type Template = { readonly parts: readonly TemplatePart[]; readonly whole: boolean };

// Each `{{` may be scanned to the end of the text once, so the two limits together bound the work to 256 MB of characters.
const MAX_EXPRESSIONS = 1_000;
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

export function containsExpression(text: string): boolean {
  return text.includes("{{");
}

/**
 * A literal `{{` is written as an expression whose value is that text: `{{ "{{" }}`. Values are never split again, so
 * data that contains `{{` stays as it is. Throws `expression_syntax` when a `{{` has no end, or there is too much of it.
 */
export function parseTemplate(text: string): Template {
  const parts: TemplatePart[] = [];
  let expressions = 0;
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{{", at);
    if (open !== at) {
      parts.push({ kind: "text", text: text.slice(at, open < 0 ? text.length : open), offset: at });
    }
    if (open < 0) break;
    if (text.length > MAX_SOURCE_LENGTH) {
      throw syntaxError(text, open, `A text with expressions is longer than ${MAX_SOURCE_LENGTH / 1024} KB`);
    }
    if (++expressions > MAX_EXPRESSIONS) {
      throw syntaxError(text, open, `A text has more than ${MAX_EXPRESSIONS} expressions`);
    }
    const offset = open + 2;
    const end = findEnd(text, offset);
    if (end < 0) throw syntaxError(text, open, "The {{ has no matching }}");
    parts.push({ kind: "expression", source: text.slice(offset, end), offset });
    at = end + 2;
  }
  const whole =
    expressions === 1 && parts.every((part) => part.kind === "expression" || part.text.trim() === "");
  return { parts, whole };
}

/**
 * Where the `}}` stands that ends the expression: the first one outside strings, names, regexes, comments and brackets.
 * When the expression is broken so that none can be found, the first `}}` at all, so that the error names that piece.
 */
function findEnd(text: string, from: number): number {
  const open: string[] = [];
  let afterOperand = false;
  for (let at = from; at < text.length; ) {
    const token = readToken(text, at, afterOperand);
    if (token === undefined) break;
    if (token.kind === "open") open.push(CLOSING[token.text] ?? "");
    if (token.kind === "close") {
      if (open.length === 0 && text.startsWith("}}", at)) return at;
      if (open.pop() !== token.text) break;
    }
    if (token.kind !== "space") afterOperand = endsOperand(token);
    at = token.end;
  }
  return text.indexOf("}}", from);
}
