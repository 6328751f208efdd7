// bull-board behind an allow-list: one board that only shows, one that may also do what is harmless.
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import type { Express, Request, RequestHandler, Response } from "express";
import { AppError } from "#core/domain/app-error.ts";
import type { BullQueue } from "#core/queue/queue-backend.ts";
import { type QueueAction, toAction } from "./queue-actions.ts";

export type QueueBoardOptions = {
  queues: readonly BullQueue[];
  /** Where the handler is mounted, without a slash at the end. */
  basePath: string;
  /** Asked on every request; whoever may not write sees a board without buttons. */
  mayWrite: (request: Request) => boolean;
  /** Called before an action is done; when it rejects, the action is not done. */
  onAction: (request: Request, action: QueueAction) => Promise<void>;
};

// Its page has a <base>, style attributes and a <style> of its own; its scripts are files, so none needs 'unsafe-inline'.
// The fonts it would load from elsewhere stay out.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(";");

/**
 * Expects a guard in front that has verified an administrator. Throws `method_not_allowed` for changes without the
 * right to write and `forbidden` for changes nobody may make here.
 */
export function createQueueBoard({
  queues,
  basePath,
  mayWrite,
  onAction,
}: QueueBoardOptions): RequestHandler {
  const readBoard = openBoard(queues, basePath, true);
  const writeBoard = openBoard(queues, basePath, false);

  return async (request, response, next) => {
    const writer = mayWrite(request);
    if (request.method !== "GET" && request.method !== "HEAD") {
      await onAction(request, requireAction(request, writer));
    }
    setHeaders(request, response);
    (writer ? writeBoard : readBoard)(request, response, next);
  };
}

function openBoard(queues: readonly BullQueue[], basePath: string, readOnlyMode: boolean): Express {
  const server = new ExpressAdapter().setBasePath(basePath);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode })),
    serverAdapter: server,
    options: { uiConfig: { boardTitle: "Atelier queues", hideRedisDetails: true } },
  });
  const app = server.getRouter() as Express;
  // It is an app of its own and does not take over what the outer one has switched off.
  app.disable("x-powered-by");
  return app;
}

function requireAction(request: Request, writer: boolean): QueueAction {
  if (!writer) {
    throw new AppError(
      "method_not_allowed",
      'This dashboard session only reads; POST /auth/queues-session {"write":true} opens one that may change things',
      { details: { allow: "GET, HEAD" } },
    );
  }
  const action = toAction(request.method, request.path);
  if (!action) {
    throw new AppError(
      "forbidden",
      "The queue holds rings only: add, change and delete executions, not their jobs",
    );
  }
  return action;
}

function setHeaders(request: Request, response: Response): void {
  response.setHeader("content-security-policy", CONTENT_SECURITY_POLICY);
  // The files carry a hash in their names; everything else shows the state of the moment.
  if (!request.path.startsWith("/static/")) response.setHeader("cache-control", "no-store");
}
