// /api/admin/users: what administrators of the instance do for people. Nothing here shows anybody's work.
import { z } from "zod";
import type { AdminUserService } from "#core/services/identity/admin-users.ts";
import { pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { replyPage } from "./id-page.ts";

const userSchema = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  isAdmin: z.boolean(),
  disabled: z.boolean(),
  totpEnabled: z.boolean(),
  erased: z.boolean(),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().nullable(),
});

const listQuery = z.strictObject({ ...pageQuery, q: z.string().trim().min(1).max(200).optional() });
const changeBody = z
  .strictObject({ disabled: z.boolean().optional(), isAdmin: z.boolean().optional() })
  .refine((change) => Object.keys(change).length > 0, "give disabled or isAdmin");
const reasonBody = z.strictObject({ reason: z.string().trim().min(3).max(500) });
const ADMIN = { tag: "Administration", action: "instance:admin" } as const;
// What lets somebody sign in as another person is for people: a stolen key would else be worth every account.
const SIGNED_IN = { ...ADMIN, action: "self:admin" } as const;

export function createAdminUserRoutes({ adminUsers }: { adminUsers: AdminUserService }): Route[] {
  return [...createReadingRoutes(adminUsers), ...createChangingRoutes(adminUsers)];
}

function createReadingRoutes(adminUsers: AdminUserService): Route[] {
  return [
    defineRoute({
      ...ADMIN,
      method: "get",
      path: "/api/admin/users",
      summary: "The people of this instance, newest first; q is a part of their e-mail address or name",
      query: listQuery,
      replies: { 200: { description: "A page of people", schema: pageOf(userSchema) } },
      handle: ({ actor, query }) =>
        replyPage(query, (page) => adminUsers.list(actor, { ...page, query: query.q })),
    }),
    defineRoute({
      ...ADMIN,
      method: "get",
      path: "/api/admin/users/:id",
      summary: "One person",
      params: idParams,
      replies: { 200: { description: "The person", schema: userSchema } },
      handle: async ({ actor, params }) => ({ status: 200, body: await adminUsers.get(actor, params.id) }),
    }),
  ];
}

function createChangingRoutes(adminUsers: AdminUserService): Route[] {
  return [
    defineRoute({
      ...ADMIN,
      method: "patch",
      path: "/api/admin/users/:id",
      summary: "Disable or enable a person, make them an administrator or no longer one",
      params: idParams,
      body: changeBody,
      replies: {
        200: { description: "As they are now", schema: userSchema },
        409: { description: "last_admin: nobody else could administer the instance" },
      },
      async handle({ actor, params, body }) {
        return { status: 200, body: await adminUsers.change(actor, params.id, body) };
      },
    }),
    defineRoute({
      ...SIGNED_IN,
      method: "post",
      path: "/api/admin/users/:id/reset-link",
      summary:
        "Make a link that sets a new password for a person, good once and for an hour; it is mailed where mail is set up",
      params: idParams,
      replies: {
        200: {
          description: "Hand it to the person and to nobody else",
          schema: z.object({ url: z.url(), expiresAt: z.iso.datetime(), mailed: z.boolean() }),
        },
      },
      async handle({ actor, params }) {
        return { status: 200, body: await adminUsers.createResetLink(actor, params.id) };
      },
    }),
    defineRoute({
      ...ADMIN,
      method: "delete",
      path: "/api/admin/users/:id/sessions",
      summary: "End all sessions of a person; their API keys stay",
      params: idParams,
      replies: { 200: { description: "How many ended", schema: z.object({ ended: z.int() }) } },
      async handle({ actor, params }) {
        return { status: 200, body: { ended: await adminUsers.endSessions(actor, params.id) } };
      },
    }),
    defineRoute({
      ...SIGNED_IN,
      method: "post",
      path: "/api/admin/users/:id/mfa-reset",
      summary: "Take away the second factor of a person who lost phone and recovery codes",
      params: idParams,
      body: reasonBody,
      replies: { 204: { description: "They sign in without one now" } },
      async handle({ actor, params, body }) {
        await adminUsers.resetMfa(actor, params.id, body.reason);
        return { status: 204 };
      },
    }),
  ];
}
