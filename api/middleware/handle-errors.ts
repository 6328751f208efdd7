// Translates what was thrown into problem details; what nobody expected goes to the log in full.
import type { NextFunction, Request, Response } from "express";
import { AppError } from "#core/domain/app-error.ts";
import type { Logger } from "#core/logger.ts";
import { toProblem } from "../routing/problem.ts";
import { contextOf } from "../routing/request-context.ts";
import { sendProblem } from "../routing/send-reply.ts";

export function refuseUnknownPath(): void {
  throw new AppError("not_found", "Nothing lives at this address; /docs lists what does");
}

export function createErrorHandler(logger: Logger) {
  // Express knows an error handler by its four parameters.
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const { requestId, route } = contextOf(request);
    const { problem, headers } = toProblem(error, requestId);
    if (problem.status >= 500)
      logger.error({ err: error, requestId, route, code: problem.code }, "request failed");
    if (response.headersSent) {
      response.destroy();
      return;
    }
    sendProblem(response, problem, headers);
  };
}
