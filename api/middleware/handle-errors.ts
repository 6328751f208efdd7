// Translates what was thrown into problem details; what nobody expected goes to the log in full.
import type { NextFunction, Request, Response } from "express";
import { AppError } from "#core/domain/app-error.ts";
import type { Logger } from "#core/logger.ts";
import type { DenialRecorder } from "#core/services/defences/record-denials.ts";
import { clientOf } from "../routing/client-of.ts";
import { toProblem } from "../routing/problem.ts";
import { contextOf } from "../routing/request-context.ts";
import { sendProblem } from "../routing/send-reply.ts";

const DENIALS: ReadonlySet<number> = new Set([401, 403, 404, 429]);

/** A workflow that a webhook waits for has failed, as anybody's may: nobody who operates this is called for it. */
const NOT_OURS = "execution_failed";

export function refuseUnknownPath(): void {
  throw new AppError("not_found", "Nothing lives at this address; /docs lists what does");
}

export type RecordDenial = DenialRecorder["record"];

export function createErrorHandler(logger: Logger, recordDenial: RecordDenial) {
  // Express knows an error handler by its four parameters.
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const { requestId, route, userId } = contextOf(request);
    const { problem, headers } = toProblem(error, requestId);
    if (problem.status >= 500 && problem.code !== NOT_OURS)
      logger.error({ err: error, requestId, route, code: problem.code }, "request failed");
    // A path that is no route's is nobody's object.
    if (DENIALS.has(problem.status) && route !== undefined) {
      const subjectId = error instanceof AppError ? error.subjectId : null;
      const client = clientOf(request).address;
      const { method } = request;
      recordDenial({ actorId: userId ?? null, subjectId, client, method, route, code: problem.code });
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    sendProblem(response, problem, headers);
  };
}
