// What of a node is stored: outputs must fit or fail, inputs and errors are made to fit.
import { AppError } from "#core/domain/app-error.ts";
import { checkJsonText, MAX_JSON_DEPTH } from "#core/domain/check-json.ts";
import { MAX_OUTPUT_BYTES } from "#core/domain/execution.ts";

/**
 * Returns the output to store, null for undefined; what JSON would change (dates, undefined, -0) comes back changed,
 * so that a run that goes on and one that resumes from the journal see the same. Throws `output_too_large` or
 * `invalid_output`.
 */
export function checkOutput(output: unknown): unknown {
  if (output === undefined) return null;
  const text = toJson(output);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_OUTPUT_BYTES) throw tooLarge(bytes);
  const stored = isPlainJson(output, 0) ? output : JSON.parse(text);
  // NUL characters and lone surrogates leave an escape in the text; without one there is nothing to look for.
  if (text.includes("\\u")) {
    const [problem] = checkJsonText(stored, "output");
    if (problem) throw new AppError("invalid_output", `${problem.path}: ${problem.message}`);
  }
  return stored;
}

/** Bytes of the JSON of an output that was checked. */
export function sizeOf(output: unknown): number {
  return output === undefined ? 0 : Buffer.byteLength(JSON.stringify(output));
}

export function tooLarge(bytes: number): AppError {
  return new AppError(
    "output_too_large",
    `The output has ${bytes} bytes of JSON or more, ${MAX_OUTPUT_BYTES} are allowed: keep bigger things as files`,
  );
}

function toJson(output: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(output);
  } catch (error) {
    throw new AppError("invalid_output", `The output is not JSON: ${(error as Error).message}`);
  }
  if (text === undefined) throw new AppError("invalid_output", "The output is not JSON");
  return text;
}

/** Whether the value is just what its JSON says, looked at without the copy that parsing would make. */
function isPlainJson(value: unknown, depth: number): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value !== "object") return false;
  if (depth > MAX_JSON_DEPTH) {
    throw new AppError("invalid_output", `The output is nested deeper than ${MAX_JSON_DEPTH} levels`);
  }
  if (Array.isArray(value)) return value.every((element) => isPlainJson(element, depth + 1));
  const prototype = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in value) return false;
  return Object.values(value).every((member) => isPlainJson(member, depth + 1));
}

const MAX_SHOWN_BYTES = 262_144;

// JSON.stringify escapes NUL and lone surrogates only; an even run of backslashes before is other text.
const UNSTORABLE = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;

/** A node's input or error as it can be stored for people to read: odd characters replaced, huge values left out. */
export function toShown<Value>(value: Value): Value | { $omitted: string } {
  const text = JSON.stringify(value) ?? "null";
  if (text.length > MAX_SHOWN_BYTES) return { $omitted: `${text.length} characters of JSON` };
  return text.includes("\\u") ? JSON.parse(text.replaceAll(UNSTORABLE, "$1\\ufffd")) : value;
}
