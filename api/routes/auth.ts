// /auth: register, login, refresh, logout, me.
import type { Request, Response } from "express";
import { AppError } from "#core/domain/app-error.ts";
import { normaliseEmail } from "#core/domain/email.ts";
import type { IdentityService } from "#core/services/identity/identity.ts";
import { bearerToken, type Passport } from "../middleware/passport.ts";
import { requireSameOrigin } from "../middleware/same-origin.ts";
import { clientOf } from "../routing/client-of.ts";
import { createRefreshCookie, type RefreshCookie } from "../routing/refresh-cookie.ts";
import { defineRoute, type Reply, type Route } from "../routing/route.ts";
import { grantSchema, loginBody, meSchema, registerBody, tokenSchema } from "./auth-schemas.ts";

export type AuthRoutesDependencies = { identity: IdentityService; passport: Passport; publicUrl: string };

type Grant = Awaited<ReturnType<IdentityService["register"]>>;
type Tokens = Awaited<ReturnType<IdentityService["refresh"]>>;

export function createAuthRoutes({ identity, passport, publicUrl }: AuthRoutesDependencies): Route[] {
  const cookie = createRefreshCookie(publicUrl, identity.idleMinutes);
  const sameOrigin = (request: Request) => requireSameOrigin(request, publicUrl);
  return [
    registerRoute(identity, cookie, sameOrigin),
    loginRoute(identity, passport, cookie, sameOrigin),
    refreshRoute(identity, cookie, sameOrigin),
    logoutRoute(identity, cookie, sameOrigin),
    meRoute(identity),
  ];
}

type SameOrigin = (request: Request) => void;
const common = { tag: "Identity", action: "public", method: "post" } as const;

function registerRoute(identity: IdentityService, cookie: RefreshCookie, sameOrigin: SameOrigin): Route {
  return defineRoute({
    ...common,
    path: "/auth/register",
    summary: "Register; the first person becomes the instance's administrator",
    headers: { "X-Setup-Token": "The server's SETUP_TOKEN: needed for the first registration off loopback" },
    body: registerBody,
    replies: { 201: { description: "Registered and signed in", schema: grantSchema } },
    limit: ({ body }) => ({ name: body.invite === undefined ? "register" : "invitation" }),
    async handle({ body, request, response }) {
      sameOrigin(request);
      const setupToken = request.get("x-setup-token");
      return signedIn(
        response,
        cookie,
        201,
        await identity.register({ ...body, setupToken }, clientOf(request)),
      );
    },
  });
}

function loginRoute(
  identity: IdentityService,
  passport: Passport,
  cookie: RefreshCookie,
  sameOrigin: SameOrigin,
): Route {
  return defineRoute({
    ...common,
    path: "/auth/login",
    summary: "Sign in with e-mail and password, and a code where a second factor is set up",
    body: loginBody,
    replies: { 200: { description: "Signed in", schema: grantSchema } },
    limit: ({ body }) => ({ name: "login", account: normaliseEmail(body.email) }),
    async handle({ body: { totp }, request, response }) {
      sameOrigin(request);
      const verified = await passport.checkPassword(request, response);
      const grant = await identity.startSession(verified, { client: clientOf(request), totp });
      return signedIn(response, cookie, 200, grant);
    },
  });
}

function refreshRoute(identity: IdentityService, cookie: RefreshCookie, sameOrigin: SameOrigin): Route {
  return defineRoute({
    ...common,
    path: "/auth/refresh",
    summary: "Trade the refresh cookie for a new access token and a new cookie",
    replies: { 200: { description: "A new access token", schema: tokenSchema } },
    limit: () => ({ name: "refresh" }),
    async handle({ request, response }) {
      sameOrigin(request);
      const tokens = await identity.refresh(cookie.read(request) ?? "").catch((error: unknown) => {
        // A dead token is not worth keeping; in a conflict the cookie is the other tab's new one.
        const isDead = error instanceof AppError && error.code === "invalid_refresh_token";
        if (isDead) cookie.clear(response);
        throw error;
      });
      cookie.set(response, tokens.refreshToken);
      return { status: 200, body: bearer(tokens) };
    },
  });
}

function logoutRoute(identity: IdentityService, cookie: RefreshCookie, sameOrigin: SameOrigin): Route {
  return defineRoute({
    ...common,
    path: "/auth/logout",
    summary: "End the session of the refresh cookie or of the access token",
    replies: { 204: { description: "Ended, now or before" } },
    async handle({ request, response }) {
      sameOrigin(request);
      await identity.logout({ refreshToken: cookie.read(request), accessToken: bearerToken(request) });
      cookie.clear(response);
      return { status: 204 };
    },
  });
}

function meRoute(identity: IdentityService): Route {
  return defineRoute({
    method: "get",
    path: "/auth/me",
    summary: "Who am I, and in which workspaces",
    tag: "Identity",
    action: "self:read",
    replies: { 200: { description: "The signed-in person", schema: meSchema } },
    handle: async ({ actor }) => ({ status: 200, body: await identity.me(actor) }),
  });
}

function signedIn(response: Response, cookie: RefreshCookie, status: number, grant: Grant): Reply {
  const { user, workspaceId } = grant;
  cookie.set(response, grant.refreshToken);
  return { status, body: { user, workspaceId, ...bearer(grant) } };
}

function bearer({ accessToken, expiresIn }: Tokens) {
  return { accessToken, tokenType: "Bearer", expiresIn };
}
