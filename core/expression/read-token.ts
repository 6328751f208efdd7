// Splits JSONata source into tokens just well enough to know where strings, regexes, comments and brackets end.

export type Token = {
  readonly kind: "space" | "operand" | "operator" | "open" | "close" | "separator" | "regex";
  readonly text: string;
  readonly end: number;
};

const SPACE = " \t\n\r\v";
const OPERATOR_CHARS = ".[]{}(),@#;:?+-*/%|=<>^&!~";
const DOUBLE_OPERATORS = new Set(["..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??"]);
const NUMBER = /(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?/y;

/**
 * The token at offset `at` (which must be inside the text), or undefined when a string, name, comment or regex has no
 * end. `afterOperand` tells `/` the division from `/` the regex, and `*`, `%` the operators from the wildcards.
 */
export function readToken(text: string, at: number, afterOperand: boolean): Token | undefined {
  const char = text.charAt(at);
  if (SPACE.includes(char)) return { kind: "space", text: char, end: at + 1 };
  if (char === "/" && text.charAt(at + 1) === "*") return until(text, "*/", at + 2, "space");
  if (char === '"' || char === "'") return readString(text, at, char);
  if (char === "`") return until(text, "`", at + 1, "operand");
  if (char === "/" && !afterOperand) return readRegex(text, at);
  if (OPERATOR_CHARS.includes(char)) return readOperator(text, at, char, afterOperand);
  return readWord(text, at, afterOperand);
}

function until(text: string, mark: string, from: number, kind: Token["kind"]): Token | undefined {
  const found = text.indexOf(mark, from);
  return found < 0 ? undefined : { kind, text: mark, end: found + mark.length };
}

function readString(text: string, at: number, quote: string): Token | undefined {
  for (let i = at + 1; i < text.length; i++) {
    const char = text[i];
    if (char === "\\") i++;
    else if (char === quote) return { kind: "operand", text: quote, end: i + 1 };
  }
  return undefined;
}

/**
 * Bug for bug as JSONata reads it, or the two would disagree about where code begins: a slash inside brackets does not
 * end the regex, and a bracket counts unless the character before it is a backslash.
 */
function readRegex(text: string, at: number): Token | undefined {
  let depth = 0;
  let backslashes = 0;
  for (let i = at + 1; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "/" && depth === 0 && backslashes % 2 === 0) {
      let end = i + 1;
      while (text[end] === "i" || text[end] === "m") end++;
      return { kind: "regex", text: text.slice(at, end), end };
    }
    if (backslashes === 0 && "([{".includes(char)) depth++;
    if (backslashes === 0 && ")]}".includes(char)) depth--;
    backslashes = char === "\\" ? backslashes + 1 : 0;
  }
  return undefined;
}

function readOperator(text: string, at: number, char: string, afterOperand: boolean): Token {
  const double = text.slice(at, at + 2);
  if (DOUBLE_OPERATORS.has(double)) {
    const wildcard = double === "**" && !afterOperand;
    return { kind: wildcard ? "operand" : "operator", text: double, end: at + 2 };
  }
  const end = at + 1;
  if ("([{".includes(char)) return { kind: "open", text: char, end };
  if (")]}".includes(char)) return { kind: "close", text: char, end };
  if (char === "," || char === ";") return { kind: "separator", text: char, end };
  if ((char === "*" || char === "%") && !afterOperand) return { kind: "operand", text: char, end };
  return { kind: "operator", text: char, end };
}

function readWord(text: string, at: number, afterOperand: boolean): Token {
  NUMBER.lastIndex = at;
  if (NUMBER.test(text)) return { kind: "operand", text: "0", end: NUMBER.lastIndex };
  let end = at;
  while (end < text.length && !SPACE.includes(text.charAt(end)) && !OPERATOR_CHARS.includes(text.charAt(end)))
    end++;
  const word = text.slice(at, end);
  const isOperator = afterOperand && (word === "and" || word === "or" || word === "in");
  return { kind: isOperator ? "operator" : "operand", text: word, end };
}

/** Does a `/` after this token divide? */
export function endsOperand(token: Token): boolean {
  return token.kind === "operand" || token.kind === "close" || token.kind === "regex";
}
