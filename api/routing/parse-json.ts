// JSON from bytes, strictly UTF-8, with an error that says where.
import { AppError } from "#core/domain/app-error.ts";

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

/** V8 names a position for most faults and only the token for the others; its excerpt of the body is not repeated. */
function explain(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : "";
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return `something else was expected at ${place(text, Number(position))}`;
  const token = /^Unexpected token '(.+?)'/su.exec(message)?.[1];
  if (token !== undefined) return `unexpected ${JSON.stringify(token.toWellFormed())}`;
  return "it ends too early";
}

function place(text: string, position: number): string {
  const before = text.slice(0, position).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
