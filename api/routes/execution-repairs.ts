// What people do with runs that went wrong: retry, fork, and decide on effects in doubt.
import { z } from "zod";
import type { ExecutionService } from "#core/services/executions/executions.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { decisionBody, forkBody } from "./execution-schemas.ts";

export function createExecutionRepairRoutes(executions: ExecutionService): Route[] {
  return [
    defineRoute({
      method: "post",
      path: "/api/executions/:id/retry",
      summary: "Retry a failed or cancelled execution as a new one; finished steps are not run again",
      tag: "Executions",
      action: "execution:run",
      params: idParams,
      replies: {
        202: { description: "The new execution", schema: z.object({ id: z.uuid(), retryOf: z.uuid() }) },
      },
      async handle({ actor, params }) {
        const retry = await executions.retry(actor, params.id);
        return { status: 202, headers: { location: `/api/executions/${retry.id}` }, body: retry };
      },
    }),
    defineRoute({
      method: "post",
      path: "/api/executions/:id/fork",
      summary:
        "Run an ended execution again from a node on, as a new one, with another input or version if asked; " +
        "what had finished and does not follow the node is copied",
      tag: "Executions",
      action: "execution:run",
      params: idParams,
      body: forkBody,
      replies: {
        202: { description: "The new execution", schema: z.object({ id: z.uuid(), forkOf: z.uuid() }) },
      },
      async handle({ actor, params, body: { input, ...rest } }) {
        const options = input === undefined ? rest : { ...rest, input: { value: input } };
        const fork = await executions.fork(actor, params.id, options);
        return { status: 202, headers: { location: `/api/executions/${fork.id}` }, body: fork };
      },
    }),
    defineRoute({
      method: "post",
      path: "/api/executions/:id/steps/decide",
      summary:
        "Decide on an effect in doubt: retry sends it again under its old key, skip takes `output` (default null) " +
        "as the node's, fail fails the node",
      tag: "Executions",
      action: "execution:run",
      params: idParams,
      body: decisionBody,
      replies: {
        202: {
          description: "Decided: the execution goes on; `running`: when its other branches rest",
          schema: z.object({ status: z.enum(["queued", "running"]) }),
        },
      },
      async handle({ actor, params, body: { decision: word, output = null, ...step } }) {
        const decision = word === "skip" ? { ...step, decision: word, output } : { ...step, decision: word };
        return { status: 202, body: await executions.decide(actor, params.id, decision) };
      },
    }),
  ];
}
