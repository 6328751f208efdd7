// Reads the parts of a request strictly: what is ambiguous or unstorable is refused, never repaired.
import express, { type Request, type Response } from "express";
import type { z } from "zod";
import { AppError, type Problem } from "#core/domain/app-error.ts";
import { checkJsonText } from "#core/domain/check-json.ts";
import { parseJson } from "./parse-json.ts";

export const DEFAULT_BODY_BYTES = 2 * 1_024 * 1_024;
const MAX_QUERY_PARAMETERS = 100;

type BodyReader = ReturnType<typeof express.raw>;
// Compressed bodies are refused (415): no call needs them, and a bomb costs nothing to make.
export const createBodyReader = (limitBytes: number): BodyReader =>
  express.raw({ type: () => true, inflate: false, limit: limitBytes });

/** The parsed JSON body, undefined when there is none. Throws `unsupported_media_type`, `body_too_large`, `malformed_json`. */
export async function readBody(request: Request, response: Response, read: BodyReader): Promise<unknown> {
  if (!hasBody(request)) return undefined;
  requireJson(request.headers["content-type"]);
  const bytes = await readBytes(request, response, read);
  if (bytes.length === 0) return undefined;
  const body = parseJson(bytes);
  refuse(checkJsonText(body, ""), "The body holds text that cannot be stored, or is nested too deeply");
  return body;
}

/** The exact bytes of the body, none when there is none. Throws `unsupported_media_type`, `body_too_large`. */
export async function readBytes(request: Request, response: Response, read: BodyReader): Promise<Buffer> {
  if (!hasBody(request)) return Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    read(request, response, (error?: unknown) => (error ? reject(error) : resolve()));
  });
  const bytes: unknown = request.body;
  return Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0);
}

function hasBody(request: Request): boolean {
  return (
    request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0
  );
}

function requireJson(contentType: string | undefined): void {
  const [media = "", ...parameters] = (contentType ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  const isUtf8 = charset === undefined || /^"?utf-?8"?$/.test(charset);
  if (!/^application\/([a-z0-9.-]+\+)?json$/.test(media) || !isUtf8) {
    throw new AppError("unsupported_media_type", "Send JSON in UTF-8 with Content-Type: application/json");
  }
}

/** The query as text values; a key given twice becomes a list, which schemas for one value refuse. */
export function readQuery(url: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = Object.create(null);
  const mark = url.indexOf("?");
  if (mark < 0 || mark === url.length - 1) return query;
  const pairs = url.slice(mark + 1).split("&", MAX_QUERY_PARAMETERS + 1);
  if (pairs.length > MAX_QUERY_PARAMETERS) {
    throw new AppError("too_many_parameters", `Give at most ${MAX_QUERY_PARAMETERS} query parameters`);
  }
  for (const pair of pairs.filter(Boolean)) {
    const equals = pair.includes("=") ? pair.indexOf("=") : pair.length;
    const key = decodeStrictly(pair.slice(0, equals));
    const value = decodeStrictly(pair.slice(equals + 1));
    const before = query[key];
    query[key] = before === undefined ? value : [before, value].flat();
  }
  refuse(checkJsonText(query, ""), "The query holds text that cannot be stored");
  return query;
}

function decodeStrictly(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new AppError("invalid_url", "The query is not valid percent-encoded UTF-8");
  }
}

/** Path parameters that do not fit name nothing that could exist. */
export function readParams(schema: z.ZodType | undefined, params: unknown): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(params);
  if (!parsed.success) throw new AppError("not_found", "No such object, or it is not yours to see");
  return parsed.data;
}

/** Throws `invalid_request` with every fault; `part` names where to look (`body` or `query`). */
export function validate(schema: z.ZodType, value: unknown, part: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError("invalid_request", `The ${part} is not what this call expects; see errors`, {
    problems: parsed.error.issues.flatMap(toProblems),
  });
}

function toProblems(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map(String).join(".");
  if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({
    path: path === "" ? key : `${path}.${key}`,
    message: "This field is not known here; remove it",
  }));
}

function refuse(problems: Problem[], message: string): void {
  if (problems.length > 0) throw new AppError("invalid_request", message, { problems });
}
