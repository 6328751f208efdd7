// /auth/api-keys: what programs sign in with. A session makes, sees and revokes them; a key never does.
import { z } from "zod";
import { SCOPES } from "#core/domain/roles.ts";
import type { ApiKeyService } from "#core/services/identity/api-keys.ts";
import { pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { knownPassword } from "./auth-schemas.ts";
import { replyPage } from "./id-page.ts";

const MAX_DAYS = 365;
const DEFAULT_DAYS = 90;

const createBody = z.strictObject({
  name: z.string().trim().min(1).max(200),
  scopes: z
    .array(z.enum(SCOPES))
    .min(1)
    .max(SCOPES.length)
    .describe("What the key may do of what its person may"),
  workspaceId: z.uuid().optional().describe("The only workspace it is good for; all of yours without"),
  expiresInDays: z.int().min(1).max(MAX_DAYS).default(DEFAULT_DAYS),
  password: knownPassword
    .optional()
    .describe("Needed when you last gave it to this session more than an hour ago (password_required)"),
});

/** As its person sees it, and an administrator. */
export const apiKeySchema = z.object({
  id: z.uuid(),
  name: z.string(),
  hint: z.string().describe("The first characters of the key"),
  scopes: z.array(z.enum(SCOPES)),
  workspaceId: z.uuid().nullable(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  lastUsedAt: z.iso.datetime().nullable().describe("To the minute"),
  revokedAt: z.iso.datetime().nullable(),
});
const newApiKeySchema = apiKeySchema.extend({ key: z.string().describe("Shown this once") });

const common = { tag: "Identity", action: "self" } as const;

export function createApiKeyRoutes({ apiKeys }: { apiKeys: ApiKeyService }): Route[] {
  return [
    defineRoute({
      ...common,
      method: "post",
      path: "/auth/api-keys",
      summary: "Make an API key for a program",
      body: createBody,
      replies: {
        201: { description: "The key, shown this once", schema: newApiKeySchema },
        403: { description: "password_required: send your password along; a key outlives the session" },
      },
      // Without one nothing is guessed, and a key that is made must not forgive wrong guesses.
      limit: ({ actor, body }) =>
        body.password === undefined ? undefined : { name: "password", account: actor.userId },
      handle: async ({ actor, body }) => ({
        status: 201,
        headers: { "cache-control": "no-store" },
        body: await apiKeys.create(actor, body),
      }),
    }),
    defineRoute({
      ...common,
      method: "get",
      path: "/auth/api-keys",
      summary: "List your API keys, newest first; revoked and expired ones for 30 days",
      query: z.strictObject({ ...pageQuery }),
      replies: { 200: { description: "A page of keys", schema: pageOf(apiKeySchema) } },
      handle: ({ actor, query }) => replyPage(query, (page) => apiKeys.list(actor, page)),
    }),
    defineRoute({
      ...common,
      method: "delete",
      path: "/auth/api-keys/:id",
      summary: "Revoke an API key, from the next request on",
      params: idParams,
      replies: { 204: { description: "Revoked, now or before" } },
      async handle({ actor, params }) {
        await apiKeys.revoke(actor, params.id);
        return { status: 204 };
      },
    }),
  ];
}
