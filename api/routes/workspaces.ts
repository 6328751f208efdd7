// /api/workspaces: list, create, read, rename, ask for a second factor or for every read in the audit log, limit it.
import { z } from "zod";
import type { WorkspaceService } from "#core/services/workspaces/workspaces.ts";
import { pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { replyPage } from "./id-page.ts";
import {
  holdReason,
  maxConcurrency,
  maxQueued,
  retentionSchema,
  workspaceName,
  workspaceSchema,
} from "./workspace-schemas.ts";

const createBody = z.strictObject({ name: workspaceName });
const updateBody = z.strictObject({
  name: workspaceName.optional(),
  requireTotp: z.boolean().optional().describe("Needs a second factor of your own"),
  auditReads: z
    .boolean()
    .optional()
    .describe(
      "Write every read of executions and files to the audit log, not only of those with data labels",
    ),
  maxConcurrency: maxConcurrency.optional(),
  maxQueued: maxQueued
    .optional()
    .describe("Heard everywhere within 5 s; beyond the instance's own number for its administrators only"),
  retention: z.strictObject(retentionSchema.partial().shape).optional(),
  legalHold: z.boolean().optional().describe("Set by an owner, lifted by an owner who is signed in"),
  legalHoldReason: holdReason.optional().describe("Needed to set or lift it; stands in the audit log"),
});

export function createWorkspaceRoutes({ workspaces }: { workspaces: WorkspaceService }): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/workspaces",
      summary: "List your workspaces, newest first, with your role in each",
      tag: "Workspaces",
      action: "self:read",
      query: z.strictObject({ ...pageQuery }),
      replies: { 200: { description: "A page of workspaces", schema: pageOf(workspaceSchema) } },
      handle: ({ actor, query }) => replyPage(query, (page) => workspaces.list(actor, page)),
    }),
    defineRoute({
      method: "post",
      path: "/api/workspaces",
      summary: "Create a workspace and own it",
      tag: "Workspaces",
      action: "self",
      body: createBody,
      replies: { 201: { description: "The workspace", schema: workspaceSchema } },
      async handle({ actor, body }) {
        const workspace = await workspaces.create(actor, body);
        return { status: 201, headers: { location: `/api/workspaces/${workspace.id}` }, body: workspace };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/workspaces/:id",
      summary: "Read a workspace",
      tag: "Workspaces",
      action: "workspace:read",
      params: idParams,
      replies: { 200: { description: "The workspace", schema: workspaceSchema } },
      handle: async ({ actor, params }) => ({ status: 200, body: await workspaces.get(actor, params.id) }),
    }),
    defineRoute({
      method: "patch",
      path: "/api/workspaces/:id",
      summary:
        "Rename a workspace, ask its members for a second factor, have every read audited, limit what runs at once, say how long executions are kept, or hold them",
      tag: "Workspaces",
      action: "workspace:write",
      params: idParams,
      body: updateBody,
      replies: { 200: { description: "The workspace as it is now", schema: workspaceSchema } },
      async handle({ actor, params, body }) {
        return { status: 200, body: await workspaces.update(actor, params.id, body) };
      },
    }),
  ];
}
