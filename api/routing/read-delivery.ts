// Reads what a webhook was sent: its bytes as they came, and what they hold by their type. Nothing here ever names a file.
import { AppError } from "#core/domain/app-error.ts";
import { checkJsonText } from "#core/domain/check-json.ts";
import { parseJson } from "./parse-json.ts";

const MAX_FIELDS = 1_000;

/**
 * JSON as it is, a form as an object of its fields (a list where one comes twice), text as text; anything else, also
 * what has several parts, as `{contentType, base64}`. No body is `{}`. Throws `malformed_json`, `malformed_body`,
 * `invalid_request` for what cannot be stored.
 */
export function readDelivery(body: Buffer, contentType: string | undefined): unknown {
  const input = decode(body, contentType ?? "");
  const problems = checkJsonText(input, "");
  if (problems.length > 0) {
    throw new AppError(
      "invalid_request",
      "The body holds text that cannot be stored, or is nested too deeply",
      {
        problems,
      },
    );
  }
  return input;
}

function decode(body: Buffer, contentType: string): unknown {
  if (body.length === 0) return {};
  const media = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (/^application\/([a-z0-9.-]+\+)?json$/.test(media)) return parseJson(body);
  if (media === "application/x-www-form-urlencoded") return readForm(textOf(body));
  if (media.startsWith("text/")) return textOf(body);
  return { contentType: contentType.slice(0, 200).toWellFormed(), base64: body.toString("base64") };
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new AppError("malformed_body", "The body is not valid UTF-8");
  }
}

function readForm(text: string): Record<string, string | string[]> {
  const form: Record<string, string | string[]> = Object.create(null);
  const pairs = [...new URLSearchParams(text)];
  if (pairs.length > MAX_FIELDS) throw new AppError("malformed_body", `At most ${MAX_FIELDS} fields`);
  for (const [name, value] of pairs) {
    const before = form[name];
    form[name] = before === undefined ? value : [before, value].flat();
  }
  return form;
}
