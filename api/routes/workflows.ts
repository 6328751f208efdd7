// /api/workflows: create, list, read, change, archive, and a check that saves nothing.
import { z } from "zod";
import type { WorkflowService } from "#core/services/workflows/workflows.ts";
import { pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { replyPage } from "./id-page.ts";
import { problemsSchema, workflowSchema, workflowSummarySchema } from "./workflow-schemas.ts";

const name = z.string().trim().min(1).max(200);
const description = z.string().max(10_000);
// Not graphSchema: the gate in the service reports every problem at once, this one only those of shape.
const graph = z.unknown().describe("The graph: nodes, edges and settings");

const createBody = z.strictObject({
  name,
  description: description.optional(),
  graph,
  workspaceId: z.uuid().optional(),
});
const updateBody = z.strictObject({
  name: name.optional(),
  description: description.optional(),
  graph: graph.optional(),
  note: z.string().max(1_000).optional(),
  expectedVersion: z.int().min(1).optional(),
});
const listQuery = z.strictObject({
  ...pageQuery,
  workspaceId: z.uuid().optional(),
  q: z.string().min(1).max(200).optional().describe("Part of the name"),
});

export function createWorkflowRoutes({ workflows }: { workflows: WorkflowService }): Route[] {
  return [...createCollectionRoutes(workflows), ...createItemRoutes(workflows)];
}

function createCollectionRoutes(workflows: WorkflowService): Route[] {
  return [
    defineRoute({
      method: "post",
      path: "/api/workflows",
      summary: "Create a workflow",
      tag: "Workflows",
      action: "workflow:write",
      body: createBody,
      replies: { 201: { description: "The workflow at version 1", schema: workflowSchema } },
      async handle({ actor, body }) {
        const workflow = await workflows.create(actor, body);
        return { status: 201, headers: { location: `/api/workflows/${workflow.id}` }, body: workflow };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/workflows",
      summary: "List workflows, newest first, without their graphs",
      tag: "Workflows",
      action: "workflow:read",
      query: listQuery,
      replies: { 200: { description: "A page of workflows", schema: pageOf(workflowSummarySchema) } },
      handle: ({ actor, query: { limit, cursor, ...filter } }) =>
        replyPage({ limit, cursor }, (page) => workflows.list(actor, { ...filter, ...page })),
    }),
    defineRoute({
      method: "post",
      path: "/api/workflows/validate",
      summary: "Check a graph without saving it",
      tag: "Workflows",
      action: "self:read",
      body: z.strictObject({ graph }),
      replies: { 200: { description: "All problems at once", schema: problemsSchema } },
      async handle({ actor, body }) {
        const problems = await workflows.validate(actor, body.graph);
        return { status: 200, body: { valid: problems.length === 0, problems } };
      },
    }),
  ];
}

function createItemRoutes(workflows: WorkflowService): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/workflows/:id",
      summary: "Read a workflow with its current graph",
      tag: "Workflows",
      action: "workflow:read",
      params: idParams,
      replies: { 200: { description: "The workflow", schema: workflowSchema } },
      handle: async ({ actor, params }) => ({ status: 200, body: await workflows.get(actor, params.id) }),
    }),
    defineRoute({
      method: "put",
      path: "/api/workflows/:id",
      summary: "Change a workflow; a changed graph becomes the next version",
      tag: "Workflows",
      action: "workflow:write",
      params: idParams,
      body: updateBody,
      replies: { 200: { description: "The workflow as it is now", schema: workflowSchema } },
      async handle({ actor, params, body }) {
        return { status: 200, body: await workflows.update(actor, params.id, body) };
      },
    }),
    defineRoute({
      method: "delete",
      path: "/api/workflows/:id",
      summary: "Archive a workflow; its versions and executions stay",
      tag: "Workflows",
      action: "workflow:write",
      params: idParams,
      replies: { 204: { description: "Archived" } },
      async handle({ actor, params }) {
        await workflows.archive(actor, params.id);
        return { status: 204 };
      },
    }),
  ];
}
