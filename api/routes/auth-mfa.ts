// /auth/mfa: the second factor of a person, from its secret to its end.
import type { Actor } from "#core/domain/roles.ts";
import type { IdentityService } from "#core/services/identity/identity.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import {
  recoveryCodesSchema,
  totpDisableBody,
  totpEnableBody,
  totpSetupBody,
  totpSetupSchema,
} from "./auth-schemas.ts";

const shared = { tag: "Identity", action: "self", method: "post" } as const;

/** Password and codes can be guessed here by whoever has found a token. */
const limit = ({ actor }: { actor: Actor }) => ({ name: "mfa", account: actor.userId }) as const;

export function createMfaRoutes({ identity }: { identity: IdentityService }): Route[] {
  return [setupRoute(identity), enableRoute(identity), disableRoute(identity)];
}

function setupRoute(identity: IdentityService): Route {
  return defineRoute({
    ...shared,
    path: "/auth/mfa/setup",
    summary: "Get a secret for an authenticator; nothing is asked for before it is enabled",
    body: totpSetupBody,
    replies: { 200: { description: "The secret, shown this once", schema: totpSetupSchema } },
    limit,
    handle: async ({ actor, body }) => ({
      status: 200,
      body: await identity.setUpTotp(actor, body.password),
    }),
  });
}

function enableRoute(identity: IdentityService): Route {
  return defineRoute({
    ...shared,
    path: "/auth/mfa/enable",
    summary: "Enable the second factor with the authenticator's first code; every other session ends",
    body: totpEnableBody,
    replies: { 200: { description: "Enabled", schema: recoveryCodesSchema } },
    limit,
    handle: async ({ actor, body }) => ({ status: 200, body: await identity.enableTotp(actor, body.totp) }),
  });
}

function disableRoute(identity: IdentityService): Route {
  return defineRoute({
    ...shared,
    path: "/auth/mfa/disable",
    summary: "Disable the second factor, with the password and a code",
    body: totpDisableBody,
    replies: { 204: { description: "Disabled" } },
    limit,
    async handle({ actor, body: { password, totp } }) {
      await identity.disableTotp(actor, { password, code: totp });
      return { status: 204 };
    },
  });
}
