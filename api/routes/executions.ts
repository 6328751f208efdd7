// /api/executions and the submission of workflows.
import { z } from "zod";
import { EXECUTION_STATUSES } from "#core/domain/execution.ts";
import type { ExecutionService } from "#core/services/executions/executions.ts";
import type { ExecutionSubmitter } from "#core/services/executions/submit-executions.ts";
import { instant } from "../routing/instant.ts";
import { decodeCursor, encodeCursor, foreignCursor, pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { createExecutionRepairRoutes } from "./execution-repairs.ts";
import { executionSchema, executionSummarySchema, stepSchema } from "./execution-schemas.ts";
import { replyPage } from "./id-page.ts";
import { createSubmitRoutes } from "./submit-execution.ts";

export type ExecutionRouteDependencies = { executions: ExecutionService; submitter: ExecutionSubmitter };

const listQuery = z.strictObject({
  ...pageQuery,
  workspaceId: z.uuid().optional(),
  workflowId: z.uuid().optional(),
  status: z.enum(EXECUTION_STATUSES).optional(),
  from: instant.optional().describe("Submitted at or after"),
  to: instant.optional().describe("Submitted before"),
});

export function createExecutionRoutes(dependencies: ExecutionRouteDependencies): Route[] {
  const { executions } = dependencies;
  return [
    ...createSubmitRoutes(dependencies),
    ...createReadRoutes(executions),
    ...createCancelRoutes(executions),
    ...createExecutionRepairRoutes(executions),
  ];
}

function createReadRoutes(executions: ExecutionService): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/executions",
      summary: "List executions, newest first, without their payloads",
      tag: "Executions",
      action: "execution:read",
      query: listQuery,
      replies: { 200: { description: "One page", schema: pageOf(executionSummarySchema) } },
      handle: ({ actor, query: { limit, cursor, ...filter } }) =>
        replyPage({ limit, cursor }, (page) => executions.list(actor, { ...filter, ...page })),
    }),
    defineRoute({
      method: "get",
      path: "/api/executions/:id",
      summary: "Read an execution with its input, output and error",
      tag: "Executions",
      action: "execution:read",
      params: idParams,
      replies: { 200: { description: "The execution", schema: executionSchema } },
      async handle({ actor, params }) {
        return { status: 200, body: await executions.get(actor, params.id) };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/executions/:id/steps",
      summary: "List what the nodes did, in the order in which it happened; big payloads make short pages",
      tag: "Executions",
      action: "execution:read",
      params: idParams,
      query: z.strictObject(pageQuery),
      replies: { 200: { description: "One page", schema: pageOf(stepSchema) } },
      async handle({ actor, params, query }) {
        const afterSeq = readSeqCursor(query.cursor);
        const { items, more } = await executions.steps(actor, params.id, { afterSeq, limit: query.limit });
        const last = more ? items.at(-1) : undefined;
        return { status: 200, body: { items, nextCursor: last ? encodeCursor([String(last.seq)]) : null } };
      },
    }),
  ];
}

function readSeqCursor(cursor: string | undefined): number {
  const [text = "0"] = decodeCursor(cursor, 1) ?? [];
  // Nine digits fit PostgreSQL's int.
  if (!/^\d{1,9}$/.test(text)) throw foreignCursor();
  return Number(text);
}

function createCancelRoutes(executions: ExecutionService): Route[] {
  return [
    defineRoute({
      method: "post",
      path: "/api/executions/:id/cancel",
      summary: "Cancel an execution; a running one stops within seconds",
      tag: "Executions",
      action: "execution:run",
      params: idParams,
      replies: {
        202: { description: "Cancelled, or asked of its worker", schema: z.object({ status: z.string() }) },
      },
      async handle({ actor, params }) {
        return { status: 202, body: await executions.cancel(actor, params.id) };
      },
    }),
  ];
}
