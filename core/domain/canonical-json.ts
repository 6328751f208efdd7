// One text for one JSON value (RFC 8785): what content hashes and the audit chain are computed over.
import { AppError } from "./app-error.ts";

// Requests are held to a depth of 200 (check-json.ts); what wraps them may add some levels.
const MAX_DEPTH = 500;

/**
 * JSON with keys sorted by UTF-16 unit and no white space, numbers as JavaScript prints them. Like JSON.stringify it
 * honours toJSON, leaves out undefined members and writes undefined elements as null. Throws AppError `invalid_text`
 * (lone surrogate), `invalid_number` (not finite, bigint) or `too_deep`.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0) ?? "null";
}

/** undefined for what JSON cannot say: undefined, functions and symbols. */
function write(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case "string":
      return writeText(value);
    case "number":
      if (Number.isFinite(value)) return JSON.stringify(value);
      throw new AppError("invalid_number", `${value} cannot be written as JSON`);
    case "bigint":
      throw new AppError("invalid_number", "A bigint cannot be written as JSON");
    case "boolean":
      return String(value);
    case "object":
      return value === null ? "null" : writeObject(value, depth);
    default:
      return undefined;
  }
}

function writeText(text: string): string {
  if (!text.isWellFormed()) throw new AppError("invalid_text", "A text holds half of a surrogate pair");
  return JSON.stringify(text);
}

function writeObject(value: object, depth: number): string | undefined {
  if (depth >= MAX_DEPTH) throw new AppError("too_deep", `A value is nested deeper than ${MAX_DEPTH} levels`);
  if ("toJSON" in value && typeof value.toJSON === "function") return write(value.toJSON(), depth + 1);
  if (Array.isArray(value)) {
    // Array.from visits holes too, which map would skip.
    return `[${Array.from(value, (element) => write(element, depth + 1) ?? "null").join(",")}]`;
  }
  const members: string[] = [];
  // Without a comparison of its own, sort goes by UTF-16 unit.
  for (const key of Object.keys(value).sort()) {
    const text = write((value as Record<string, unknown>)[key], depth + 1);
    if (text !== undefined) members.push(`${writeText(key)}:${text}`);
  }
  return `{${members.join(",")}}`;
}
