// PUT /auth/password: a signed-in person takes a new password.
import type { IdentityService } from "#core/services/identity/identity.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { passwordBody, passwordChangedSchema } from "./auth-schemas.ts";

export function createPasswordRoute({ identity }: { identity: IdentityService }): Route {
  return defineRoute({
    method: "put",
    path: "/auth/password",
    summary: "Change the password; every other session ends, API keys only when asked for",
    tag: "Identity",
    action: "self",
    body: passwordBody,
    replies: {
      200: {
        description: "Changed; this session goes on. What ended, and what is left",
        schema: passwordChangedSchema,
      },
    },
    // Whoever has found a token may guess the password no faster than anybody else.
    limit: ({ actor }) => ({ name: "password", account: actor.userId }),
    handle: async ({ actor, body }) => ({ status: 200, body: await identity.changePassword(actor, body) }),
  });
}
