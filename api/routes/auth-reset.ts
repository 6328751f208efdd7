// POST /auth/reset: the way back in for whoever holds a reset link.
import type { IdentityService } from "#core/services/identity/identity.ts";
import { requireSameOrigin } from "../middleware/same-origin.ts";
import { clientOf } from "../routing/client-of.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { resetBody } from "./auth-schemas.ts";

export type ResetRouteDependencies = { identity: IdentityService; publicUrl: string };

export function createResetRoute({ identity, publicUrl }: ResetRouteDependencies): Route {
  return defineRoute({
    method: "post",
    path: "/auth/reset",
    summary: "Set a new password with the token of a reset link; every session ends",
    tag: "Identity",
    action: "public",
    body: resetBody,
    replies: { 204: { description: "Set; sign in with it" } },
    limit: () => ({ name: "reset" }),
    async handle({ body, request }) {
      requireSameOrigin(request, publicUrl);
      await identity.resetPassword({ ...body, client: clientOf(request) });
      return { status: 204 };
    },
  });
}
