// JSON from bytes, strictly UTF-8, with an error that says where.
import { AppError } from "#core/domain/app-error.ts";

const MAX_SEARCHED_CHARS = 65_536;

/** Throws `malformed_json`. A byte-order mark is skipped. */
export function parseJson(bytes: Buffer): unknown {
  const text = decode(bytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError("malformed_json", `The body is not JSON: ${explain(error, text)}`);
  }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new AppError("malformed_json", "The body is not valid UTF-8");
  }
}

/** V8 names a position for some faults only, and its excerpt of the body is not to be repeated. */
function explain(error: unknown, text: string): string {
  const message = messageOf(error);
  if (endsTooEarly(message, text)) return "it ends too early";
  const position = positionOf(message) ?? findFault(text);
  return position === undefined ? "something in it is out of place" : `look at ${place(text, position)}`;
}

/** The shortest prefix that more text could not complete ends with the fault: 16 parses for 64 KB. */
function findFault(text: string): number | undefined {
  if (text.length > MAX_SEARCHED_CHARS) return undefined;
  let [good, bad] = [0, text.length];
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (canContinue(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

function canContinue(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return true;
  } catch (error) {
    return endsTooEarly(messageOf(error), prefix);
  }
}

function endsTooEarly(message: string, text: string): boolean {
  return /^(Unexpected end|Unterminated string)/.test(message) || positionOf(message) === text.length;
}

function positionOf(message: string): number | undefined {
  const digits = /at position (\d+)/.exec(message)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}

function place(text: string, position: number): string {
  const before = text.slice(0, position).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
