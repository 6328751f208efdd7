// PUT /auth/password: a signed-in person takes a new password.
import type { IdentityService } from "#core/services/identity.ts";
import { clientOf } from "../routing/client-of.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { passwordBody } from "./auth-schemas.ts";

export function createPasswordRoute({ identity }: { identity: IdentityService }): Route {
  return defineRoute({
    method: "put",
    path: "/auth/password",
    summary: "Change the password; every other session ends",
    tag: "Identity",
    action: "self",
    body: passwordBody,
    replies: { 204: { description: "Changed; this session goes on" } },
    async handle({ actor, body, request }) {
      await identity.changePassword(actor, { ...body, client: clientOf(request) });
      return { status: 204 };
    },
  });
}
