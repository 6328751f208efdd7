// GET /api/executions/:id/events: server-sent events, resumable by Last-Event-ID.
import { once } from "node:events";
import type { Request, Response } from "express";
import { AppError } from "#core/domain/app-error.ts";
import type { Actor } from "#core/domain/roles.ts";
import type { ExecutionEvent } from "#core/services/executions/watch-execution.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";

/** How often the session of a listener is checked again, and a comment keeps proxies from giving up. */
const CHECK_MS = 30_000;
const KEEP_ALIVE_MS = 15_000;

export type WatchExecution = (
  /** Asked before every look, so that rights that are gone show nothing more. */
  actor: () => Actor,
  id: string,
  options: { afterSeq: number; signal: AbortSignal },
) => AsyncGenerator<ExecutionEvent>;

export type EventRouteDependencies = {
  watch: WatchExecution;
  /** The bearer as they are now; rejects when the session is over. */
  recheck: (request: Request, response: Response) => Promise<Actor>;
  checkMs?: number;
};

export function createExecutionEventRoutes(dependencies: EventRouteDependencies): Route[] {
  const { watch, recheck, checkMs = CHECK_MS } = dependencies;
  return [
    defineRoute({
      method: "get",
      path: "/api/executions/:id/events",
      summary: "Follow an execution live: `step` and `status` events, ends with the terminal status",
      tag: "Executions",
      action: "execution:read",
      params: idParams,
      headers: { "Last-Event-ID": "The id of the last event seen: goes on after it" },
      replies: { 200: { description: "Server-sent events", contentType: "text/event-stream" } },
      async handle({ actor, params, request, response }) {
        const closed = new AbortController();
        response.on("close", () => closed.abort());
        const afterSeq = readLastEventId(request.get("last-event-id"));
        let current = actor;
        const events = watch(() => current, params.id, { afterSeq, signal: closed.signal });
        // The first event before the headers: a 404 is still an ordinary answer.
        let next = await events.next();
        response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
        const keepAlive = setInterval(() => {
          if (!response.writableNeedDrain) response.write(": still here\n\n");
        }, KEEP_ALIVE_MS);
        const check = setInterval(() => {
          recheck(request, response).then(
            (fresh) => {
              current = fresh;
            },
            () => closed.abort(),
          );
        }, checkMs);
        try {
          for (; !next.done && !closed.signal.aborted; next = await events.next()) {
            await send(response, format(next.value), closed.signal);
          }
        } catch (error) {
          // Rights that were taken away in the middle end the stream; there is no status left to say it with.
          if (!(error instanceof AppError)) throw error;
        } finally {
          clearInterval(keepAlive);
          clearInterval(check);
          await events.return(undefined);
          response.end();
        }
        return "handled";
      },
    }),
  ];
}

/** Resolves when the client has room for more, or is gone: a slow one must not pile up events in memory. */
async function send(response: Response, text: string, closed: AbortSignal): Promise<void> {
  if (response.write(text)) return;
  try {
    await once(response, "drain", { signal: closed });
  } catch (error) {
    if (!closed.aborted && !response.destroyed) throw error;
  }
}

function readLastEventId(header: string | undefined): number {
  if (header === undefined) return 0;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  throw new AppError(
    "invalid_header",
    "Last-Event-ID is not one of ours: send the last event's id unchanged",
  );
}

function format(event: ExecutionEvent): string {
  const data = event.type === "step" ? event.step : { status: event.status, error: event.error };
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(data)}\n\n`;
}
