// What of a node is stored: outputs must fit or fail, inputs and errors are made to fit.
import { AppError } from "#core/domain/app-error.ts";
import { checkJsonText } from "#core/domain/check-json.ts";
import { MAX_OUTPUT_BYTES } from "#core/domain/execution.ts";

/** Returns the output to store, null for undefined. Throws `output_too_large` or `invalid_output`. */
export function checkOutput(output: unknown): unknown {
  if (output === undefined) return null;
  const text = JSON.stringify(output);
  if (text === undefined) throw new AppError("invalid_output", "The output is not JSON");
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_OUTPUT_BYTES) {
    throw new AppError(
      "output_too_large",
      `The output has ${bytes} bytes of JSON, ${MAX_OUTPUT_BYTES} are allowed: keep bigger things as files`,
    );
  }
  // NUL characters and lone surrogates leave an escape in the text; without one there is nothing to look for.
  if (text.includes("\\u")) {
    const [problem] = checkJsonText(output, "output");
    if (problem) throw new AppError("invalid_output", `${problem.path}: ${problem.message}`);
  }
  return output;
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
