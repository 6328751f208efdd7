// /api/workspaces/:id/members: who is in it; leaving; handing the workspace over.
import { z } from "zod";
import type { MemberService } from "#core/services/workspaces/workspace-members.ts";
import { instant } from "../routing/instant.ts";
import { pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { readIdCursor, toPage } from "./id-page.ts";
import { memberParams, memberSchema, roleSchema } from "./workspace-schemas.ts";

const changeBody = z
  .strictObject({
    role: roleSchema.optional(),
    expiresAt: instant.nullable().optional().describe("Out from then on, within a year; null: no end"),
  })
  .refine((change) => Object.keys(change).length > 0, "give role or expiresAt");
const transferBody = z.strictObject({ userId: z.uuid().describe("A member, who becomes its owner") });

export function createMemberRoutes({ members }: { members: MemberService }): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/workspaces/:id/members",
      summary: "List the members of a workspace",
      tag: "Workspaces",
      action: "member:read",
      params: idParams,
      query: z.strictObject({ ...pageQuery }),
      replies: { 200: { description: "A page of members", schema: pageOf(memberSchema) } },
      async handle({ actor, params, query: { limit, cursor } }) {
        const page = { workspaceId: params.id, before: readIdCursor(cursor), limit: limit + 1 };
        return { status: 200, body: toPage(await members.list(actor, page), limit, (row) => row.userId) };
      },
    }),
    defineRoute({
      method: "patch",
      path: "/api/workspaces/:id/members/:userId",
      summary: "Change a member's role, or when their membership ends; the last owner stays one",
      tag: "Workspaces",
      action: "member:write",
      params: memberParams,
      body: changeBody,
      replies: { 200: { description: "The member", schema: memberSchema } },
      async handle({ actor, params, body }) {
        const member = { workspaceId: params.id, userId: params.userId };
        return { status: 200, body: await members.change(actor, member, body) };
      },
    }),
    defineRoute({
      method: "delete",
      path: "/api/workspaces/:id/members/:userId",
      summary: "Remove a member, or leave with your own id; the last owner stays",
      tag: "Workspaces",
      action: "member:write",
      params: memberParams,
      replies: { 204: { description: "Out, from the next request on" } },
      async handle({ actor, params }) {
        await members.remove(actor, { workspaceId: params.id, userId: params.userId });
        return { status: 204 };
      },
    }),
    defineRoute({
      method: "post",
      path: "/api/workspaces/:id/transfer",
      summary: "Hand a workspace over to a member, and become its editor",
      tag: "Workspaces",
      action: "workspace:write",
      params: idParams,
      body: transferBody,
      replies: { 204: { description: "Handed over" } },
      async handle({ actor, params, body }) {
        await members.transfer(actor, { workspaceId: params.id, userId: body.userId });
        return { status: 204 };
      },
    }),
  ];
}
