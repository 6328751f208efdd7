// /api/admin/users/:id/api-keys: administrators see which keys a person has and end them; no key shows its secret.
import { z } from "zod";
import type { AdminApiKeyService } from "#core/services/identity/admin-api-keys.ts";
import { pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { apiKeySchema } from "./auth-api-keys.ts";
import { replyPage } from "./id-page.ts";

const ADMIN = { tag: "Administration", action: "instance:admin" } as const;
const path = "/api/admin/users/:id/api-keys";

export function createAdminApiKeyRoutes({ adminApiKeys }: { adminApiKeys: AdminApiKeyService }): Route[] {
  return [
    defineRoute({
      ...ADMIN,
      method: "get",
      path,
      summary: "The API keys of a person, newest first; revoked and expired ones for 30 days",
      params: idParams,
      query: z.strictObject({ ...pageQuery }),
      replies: {
        200: { description: "A page of keys, without their secrets", schema: pageOf(apiKeySchema) },
      },
      handle: ({ actor, params, query }) =>
        replyPage(query, (page) => adminApiKeys.list(actor, params.id, page)),
    }),
    defineRoute({
      ...ADMIN,
      method: "delete",
      path,
      summary: "Revoke all API keys of a person, from the next request on",
      params: idParams,
      replies: { 200: { description: "How many worked until now", schema: z.object({ revoked: z.int() }) } },
      handle: async ({ actor, params }) => ({
        status: 200,
        body: { revoked: await adminApiKeys.revokeAll(actor, params.id) },
      }),
    }),
    defineRoute({
      ...ADMIN,
      method: "delete",
      path: `${path}/:keyId`,
      summary: "Revoke one API key of a person, from the next request on",
      params: idParams.extend({ keyId: idParams.shape.id }),
      replies: { 204: { description: "Revoked, now or before" } },
      async handle({ actor, params }) {
        await adminApiKeys.revoke(actor, params.id, params.keyId);
        return { status: 204 };
      },
    }),
  ];
}
