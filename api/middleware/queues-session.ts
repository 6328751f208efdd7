// The guard in front of /queues: the cookie, the session and the person behind it, and where a change comes from.
import { parseCookie, stringifySetCookie } from "cookie";
import type { Request, RequestHandler, Response } from "express";
import type { QueuesSession, QueuesSessionTokens } from "#core/crypto/queues-session.ts";
import { AppError } from "#core/domain/app-error.ts";
import type { Actor } from "#core/domain/roles.ts";
import { contextOf } from "../routing/request-context.ts";

export const QUEUES_PATH = "/queues";

export type QueuesViewer = { actor: Actor; write: boolean };

export type QueuesGuardDependencies = {
  tokens: QueuesSessionTokens;
  /** The person of a live session. Throws `unauthenticated`. */
  findActor: (session: Pick<QueuesSession, "userId" | "sessionId">) => Promise<Actor>;
  publicUrl: string;
};

export type QueuesGuard = {
  handler: RequestHandler;
  /** Who the guard let in. Throws when it was not in front. */
  viewerOf(request: Request): QueuesViewer;
};

export function createQueuesGuard({ tokens, findActor, publicUrl }: QueuesGuardDependencies): QueuesGuard {
  const name = cookieName(publicUrl);
  const viewers = new WeakMap<Request, QueuesViewer>();
  return {
    async handler(request, _response, next) {
      const context = contextOf(request);
      context.route = QUEUES_PATH;
      const session = tokens.verify(parseCookie(request.headers.cookie ?? "")[name] ?? "");
      const actor = await findActor(session);
      context.userId = actor.userId;
      if (!actor.isAdmin) {
        throw new AppError("forbidden", "Only an administrator of this instance may see the queues");
      }
      if (request.method !== "GET" && request.method !== "HEAD") requireOwnPage(request, publicUrl);
      viewers.set(request, { actor, write: session.write });
      next();
    },
    viewerOf(request) {
      const viewer = viewers.get(request);
      if (!viewer) throw new Error("/queues is mounted without its guard");
      return viewer;
    },
  };
}

/** The cookie of `token`, for /queues only and for as long as the token lives. */
export function setQueuesCookie(
  response: Response,
  publicUrl: string,
  { token, expiresIn }: { token: string; expiresIn: number },
): void {
  const cookie = {
    name: cookieName(publicUrl),
    value: token,
    httpOnly: true,
    sameSite: "strict",
    path: QUEUES_PATH,
    secure: isSecure(publicUrl),
    maxAge: expiresIn,
  } as const;
  response.append("set-cookie", stringifySetCookie(cookie));
}

/** `__Host-` would need Path=/, and this cookie must not travel to anything but the dashboard. */
function cookieName(publicUrl: string): string {
  return isSecure(publicUrl) ? "__Secure-atelier_queues" : "atelier_queues";
}

function isSecure(publicUrl: string): boolean {
  return new URL(publicUrl).protocol === "https:";
}

/** Every browser says where a PUT comes from; one that does not say is refused, unlike at the calls programs make. */
function requireOwnPage(request: Request, publicUrl: string): void {
  const { origin, host } = request.headers;
  const site = request.headers["sec-fetch-site"];
  const isOwnOrigin =
    origin !== undefined &&
    (origin === new URL(publicUrl).origin || (URL.canParse(origin) && new URL(origin).host === host));
  if (site === "same-origin" ? origin === undefined || isOwnOrigin : site === undefined && isOwnOrigin)
    return;
  throw new AppError("cross_site", "Changes to the queue are made on the dashboard's own page only");
}
