// Turns the bytes of a response into a JSON value by its content type.
import { AppError } from "#core/domain/app-error.ts";

const JSON_TYPE = /^application\/(?:[^;\s]+\+)?json$/;
const TEXT_TYPE =
  /^(?:text\/.*|application\/(?:[^;\s]+\+)?(?:xml|yaml|javascript|x-javascript|ecmascript|graphql|sql|x-ndjson|jsonl|x-www-form-urlencoded))$/;

/**
 * JSON parsed, text as text, the rest as `{base64}`; an empty JSON body and an empty body without a type are null.
 * Without a type, and for text that is none, the bytes decide. Throws AppError `http_bad_json`.
 */
export function readResponseBody(bytes: Uint8Array, contentType: string): unknown {
  const type = mediaType(contentType);
  if (JSON_TYPE.test(type) || type === "text/json") return parseJson(bytes, contentType);
  if (type === "") return bytes.byteLength === 0 ? null : (strictText(bytes) ?? base64(bytes));
  if (!TEXT_TYPE.test(type)) return base64(bytes);
  const text = decodeText(bytes, contentType);
  // PostgreSQL cannot store a NUL, and text does not hold one.
  return text.includes("\u0000") ? base64(bytes) : text;
}

/** The beginning of the body for an error message: at most `maxBytes` of it, as far as it is text. */
export function excerptOf(bytes: Uint8Array, contentType: string, maxBytes: number): string {
  const start = bytes.subarray(0, maxBytes);
  // stream: a character cut in two at the end is left out instead of being shown as broken.
  return decoderFor(contentType).decode(start, { stream: true }).replaceAll("\u0000", "\ufffd");
}

function parseJson(bytes: Uint8Array, contentType: string): unknown {
  if (bytes.byteLength === 0) return null;
  try {
    // RFC 8259: JSON is UTF-8, whatever the charset parameter says.
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    const excerpt = excerptOf(bytes, contentType, 200);
    throw new AppError(
      "http_bad_json",
      `The response says it is JSON but cannot be read as JSON: ${excerpt}`,
      {
        cause,
      },
    );
  }
}

function decodeText(bytes: Uint8Array, contentType: string): string {
  return decoderFor(contentType).decode(bytes);
}

function decoderFor(contentType: string): InstanceType<typeof TextDecoder> {
  const charset = /;\s*charset="?([^";\s]+)/i.exec(contentType)?.[1];
  try {
    return new TextDecoder(charset ?? "utf-8");
  } catch {
    return new TextDecoder();
  }
}

function strictText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\u0000") ? undefined : text;
  } catch {
    return undefined;
  }
}

function base64(bytes: Uint8Array): { base64: string } {
  return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") };
}

function mediaType(contentType: string): string {
  return (contentType.split(";")[0] ?? "").trim().toLowerCase();
}
