// Invitations into a workspace (its owners) and into the instance (administrators), and their acceptance.
import { z } from "zod";
import type { InvitationService, SentInvitation } from "#core/services/workspaces/invitations.ts";
import { pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Reply, type Route } from "../routing/route.ts";
import { replyPage } from "./id-page.ts";
import {
  invitationParams,
  invitationSchema,
  inviteBody,
  inviteToInstanceBody,
  roleSchema,
  sentInvitationSchema,
} from "./workspace-schemas.ts";

const MAX_TOKEN_CHARS = 200;

// Whatever is no token is no invitation: one answer for all of it.
const acceptBody = z.strictObject({ token: z.string().max(MAX_TOKEN_CHARS).catch("") });
const acceptedSchema = z.object({ workspaceId: z.uuid(), role: roleSchema });

const tag = "Workspaces";
const query = z.strictObject({ ...pageQuery });
const replies = {
  list: { 200: { description: "A page of invitations", schema: pageOf(invitationSchema) } },
  sent: { 201: { description: "The invitation with its link", schema: sentInvitationSchema } },
  revoked: { 204: { description: "Its link is worth nothing now" } },
};

export function createInvitationRoutes({ invitations }: { invitations: InvitationService }): Route[] {
  return [
    ...createWorkspaceInvitationRoutes(invitations),
    ...createInstanceInvitationRoutes(invitations),
    defineRoute({
      method: "post",
      path: "/api/invitations/accept",
      summary: "Accept an invitation to a workspace that was sent to your e-mail address",
      tag,
      action: "self",
      limit: () => ({ name: "invitation" }),
      body: acceptBody,
      replies: { 200: { description: "Where you are now, and as what", schema: acceptedSchema } },
      handle: async ({ actor, body }) => ({ status: 200, body: await invitations.accept(actor, body.token) }),
    }),
  ];
}

function createWorkspaceInvitationRoutes(invitations: InvitationService): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/workspaces/:id/invitations",
      summary: "List the invitations to a workspace, newest first",
      tag,
      action: "invitation:read",
      params: idParams,
      query,
      replies: replies.list,
      handle: ({ actor, params, query: pages }) =>
        replyPage(pages, (page) => invitations.list(actor, { ...page, workspaceId: params.id })),
    }),
    defineRoute({
      method: "post",
      path: "/api/workspaces/:id/invitations",
      summary: "Invite an e-mail address; mailed where a mail server is configured",
      tag,
      action: "invitation:write",
      limit: () => ({ name: "invite" }),
      params: idParams,
      body: inviteBody,
      replies: replies.sent,
      handle: async ({ actor, params, body }) =>
        sent(await invitations.create(actor, { ...body, workspaceId: params.id })),
    }),
    defineRoute({
      method: "delete",
      path: "/api/workspaces/:id/invitations/:invitationId",
      summary: "Revoke an invitation that was not accepted",
      tag,
      action: "invitation:write",
      params: invitationParams,
      replies: replies.revoked,
      async handle({ actor, params }) {
        await invitations.revoke(actor, { workspaceId: params.id, id: params.invitationId });
        return { status: 204 };
      },
    }),
  ];
}

function createInstanceInvitationRoutes(invitations: InvitationService): Route[] {
  const workspaceId = null;
  return [
    defineRoute({
      method: "get",
      path: "/api/admin/invitations",
      summary: "List the invitations to register, newest first",
      tag: "Administration",
      action: "instance:admin",
      query,
      replies: replies.list,
      handle: ({ actor, query: pages }) =>
        replyPage(pages, (page) => invitations.list(actor, { ...page, workspaceId })),
    }),
    defineRoute({
      method: "post",
      path: "/api/admin/invitations",
      summary: "Invite an e-mail address to register, into no workspace but their own",
      tag: "Administration",
      action: "instance:admin",
      limit: () => ({ name: "invite" }),
      body: inviteToInstanceBody,
      replies: replies.sent,
      handle: async ({ actor, body }) =>
        sent(await invitations.create(actor, { ...body, workspaceId, role: null })),
    }),
    defineRoute({
      method: "delete",
      path: "/api/admin/invitations/:id",
      summary: "Revoke an invitation that was not accepted",
      tag: "Administration",
      action: "instance:admin",
      params: idParams,
      replies: replies.revoked,
      async handle({ actor, params }) {
        await invitations.revoke(actor, { workspaceId, id: params.id });
        return { status: 204 };
      },
    }),
  ];
}

function sent(body: SentInvitation): Reply {
  return { status: 201, headers: { "cache-control": "no-store" }, body };
}
