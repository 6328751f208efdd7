// POST /hooks/:token: whoever can prove to know the webhook's secret starts its workflow. No session, no cookie, no CORS.
import type { Request, Response } from "express";
import { z } from "zod";
import type { HookAnswer } from "#core/services/webhooks/await-answer.ts";
import type { Admitted, HookRequest } from "#core/services/webhooks/receive-delivery.ts";
import { hookReply } from "../routing/hook-reply.ts";
import type { LimitAttempt } from "../routing/mount-routes.ts";
import { fromHttpError } from "../routing/problem.ts";
import { readDelivery } from "../routing/read-delivery.ts";
import { createBodyReader, DEFAULT_BODY_BYTES, readBytes } from "../routing/read-input.ts";
import { defineRoute, type Reply, type Route } from "../routing/route.ts";
import { preferHeader, readPreferredWait } from "./submit-headers.ts";

export type HookRouteDependencies = {
  hooks: {
    receive(token: string, request: HookRequest): Promise<Admitted>;
    awaitAnswer(admitted: Admitted, gone: AbortSignal): Promise<HookAnswer | null>;
  };
  limitAttempt: LimitAttempt;
};

/** A workflow that answers by itself is waited for, unless the caller says how long. */
const RESPOND_WAIT_MS = 30_000;

// What was never a token is not looked up.
const params = z.strictObject({ token: z.string().regex(/^whk_[\w-]{43}$/) });
const query = z.record(z.string(), z.union([z.string(), z.array(z.string())]));

export function createHookRoute({ hooks, limitAttempt }: HookRouteDependencies): Route {
  const reader = createBodyReader(DEFAULT_BODY_BYTES);
  return defineRoute({
    method: "post",
    path: "/hooks/:token",
    summary: "Deliver something to a webhook: signed as it asks for, it starts its workflow once",
    tag: "Webhooks",
    action: "public",
    params,
    query,
    rawBody: true,
    headers: {
      "Idempotency-Key":
        "Names the delivery, as Webhook-Id and the headers of known senders do: it runs once",
      ...preferHeader,
    },
    replies: {
      200: {
        description:
          "With Prefer: wait, or where the workflow answers by itself (flow.respond): its answer, else its output",
        schema: z.unknown(),
      },
      202: {
        description: "Accepted: it is stored and will run",
        schema: z.object({ executionId: z.uuid() }),
      },
      401: { description: "Not signed as the webhook asks for, or a signature that was used before" },
      404: { description: "No such webhook, or its workflow is gone" },
      429: { description: "The queue is full, or too many deliveries were refused; see Retry-After" },
    },
    async handle({ params: { token }, query: asked, request, response }) {
      const admitted = await hooks.receive(token, {
        headers: headersOf(request),
        method: request.method,
        query: asked,
        readBody: () => readBytes(request, response, reader).catch(inOurWords),
        parse: (body) => readDelivery(body, request.headers["content-type"]),
        waitMs: (responds) => waitOf(request, responds),
        countRefusal: (account, refuse) =>
          limitAttempt(request, { name: "hook", ...(account !== undefined && { account }) }, refuse),
      });
      return answer(hooks, admitted, response);
    },
  });
}

async function answer(
  hooks: HookRouteDependencies["hooks"],
  admitted: Admitted,
  response: Response,
): Promise<Reply> {
  if (admitted.waitMs > 0) {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const known = await hooks.awaitAnswer(admitted, gone.signal);
    if (known) return hookReply(admitted.id, known);
  }
  return { status: 202, body: { executionId: admitted.id } };
}

/** So that what is too large is among the refused ones, too. */
function inOurWords(error: unknown): never {
  throw fromHttpError(error) ?? error;
}

function waitOf(request: Request, responds: boolean): number {
  const isAsked = /(?:^|[,;\s])wait=\d/.test(request.get("prefer") ?? "");
  return responds && !isAsked ? RESPOND_WAIT_MS : readPreferredWait(request);
}

/** As Node has them: names in small letters, what came twice joined by commas. */
function headersOf(request: Request): HookRequest["headers"] {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : value,
    ]),
  );
}
