// What a workflow answers, made harmless: it goes out under the platform's own address, where a page could act for people.
import { AppError } from "#core/domain/app-error.ts";
import { readHookResponse } from "#core/domain/webhooks/hook-response.ts";
import type { HookAnswer } from "#core/services/webhooks/await-answer.ts";
import type { Reply } from "./route.ts";

/** Whoever opens it in a browser gets neither scripts nor the origin. */
const HARMLESS = {
  "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};
/** What browsers show as text. The rest is for saving. */
const SHOWN = /^(application\/([a-z0-9.-]+\+)?json|text\/plain|text\/csv)\s*(;|$)/i;

/** Throws `execution_failed`, which quotes nothing of what went wrong. */
export function hookReply(executionId: string, answer: HookAnswer): Reply {
  if (answer.kind === "response") return respond(executionId, answer.response);
  if (answer.status !== "succeeded") throw failed(executionId);
  return json(200, executionId, answer.output);
}

function respond(executionId: string, output: unknown): Reply {
  const response = readHookResponse(output);
  if (response === null) throw failed(executionId);
  const { status, body } = response;
  const given = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const isEmpty = body === null || status === 204 || status === 205;
  const usual = typeof body === "string" ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
  const contentType = given["content-type"] ?? usual;
  const headers = {
    ...given,
    ...HARMLESS,
    ...(isEmpty ? {} : { "content-type": contentType }),
    ...(isEmpty || SHOWN.test(contentType) ? {} : { "content-disposition": "attachment" }),
    "execution-id": executionId,
  };
  if (isEmpty) return { status, headers };
  return { status, headers, body: typeof body === "string" ? body : JSON.stringify(body) };
}

function json(status: number, executionId: string, body: unknown): Reply {
  const headers = {
    ...HARMLESS,
    "execution-id": executionId,
    "content-type": "application/json; charset=utf-8",
  };
  return { status, headers, body: JSON.stringify(body ?? null) };
}

function failed(executionId: string): AppError {
  return new AppError("execution_failed", "The workflow has not ended well", { details: { executionId } });
}
