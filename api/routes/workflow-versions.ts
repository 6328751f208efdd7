// /api/workflows/:id/versions: history, comparison, restore.
import { z } from "zod";
import type { WorkflowVersionService } from "#core/services/workflows/workflow-versions.ts";
import { decodeCursor, foreignCursor, pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { toPage } from "./id-page.ts";
import { diffSchema, versionSchema, versionSummarySchema, workflowSchema } from "./workflow-schemas.ts";

// Path parameters are texts; nine digits fit PostgreSQL's int.
const versionNumber = z
  .string()
  .regex(/^[1-9]\d{0,8}$/)
  .transform(Number);
const versionParams = z.strictObject({ id: z.uuid(), version: versionNumber });
const diffParams = z.strictObject({ id: z.uuid(), from: versionNumber, to: versionNumber });

export function createWorkflowVersionRoutes({ versions }: { versions: WorkflowVersionService }): Route[] {
  return [...createReadRoutes(versions), createRestoreRoute(versions)];
}

function createReadRoutes(versions: WorkflowVersionService): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/workflows/:id/versions",
      summary: "List versions, newest first, without their graphs",
      tag: "Workflow versions",
      action: "workflow:read",
      params: idParams,
      query: z.strictObject(pageQuery),
      replies: { 200: { description: "A page of versions", schema: pageOf(versionSummarySchema) } },
      async handle({ actor, params, query: { limit, cursor } }) {
        const rows = await versions.list(actor, params.id, { before: readCursor(cursor), limit: limit + 1 });
        return { status: 200, body: toPage(rows, limit, (row) => String(row.version)) };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/workflows/:id/versions/:version",
      summary: "Read a version with its graph",
      tag: "Workflow versions",
      action: "workflow:read",
      params: versionParams,
      replies: { 200: { description: "The version", schema: versionSchema } },
      async handle({ actor, params }) {
        return { status: 200, body: await versions.get(actor, params.id, params.version) };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/workflows/:id/versions/:from/diff/:to",
      summary: "What changed from one version to another",
      tag: "Workflow versions",
      action: "workflow:read",
      params: diffParams,
      replies: { 200: { description: "The differences", schema: diffSchema } },
      async handle({ actor, params }) {
        return { status: 200, body: await versions.diff(actor, params.id, params.from, params.to) };
      },
    }),
  ];
}

function createRestoreRoute(versions: WorkflowVersionService): Route {
  return defineRoute({
    method: "post",
    path: "/api/workflows/:id/versions/:version/restore",
    summary: "Make an old graph the current one, as a new version",
    tag: "Workflow versions",
    action: "workflow:write",
    params: versionParams,
    replies: { 200: { description: "The workflow as it is now", schema: workflowSchema } },
    async handle({ actor, params }) {
      return { status: 200, body: await versions.restore(actor, params.id, params.version) };
    },
  });
}

function readCursor(cursor: string | undefined): number | undefined {
  const [text] = decodeCursor(cursor, 1) ?? [];
  if (text === undefined) return undefined;
  const parsed = versionNumber.safeParse(text);
  if (!parsed.success) throw foreignCursor();
  return parsed.data;
}
