// /auth/sessions: where a person is signed in, and the end of it.
import { z } from "zod";
import type { IdentityService } from "#core/services/identity/identity.ts";
import { pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { sessionSchema } from "./auth-schemas.ts";
import { replyPage } from "./id-page.ts";

const shared = { tag: "Identity", action: "self" } as const;

export function createSessionRoutes({ identity }: { identity: IdentityService }): Route[] {
  return [listRoute(identity), endRoute(identity), endOthersRoute(identity)];
}

function listRoute(identity: IdentityService): Route {
  return defineRoute({
    ...shared,
    method: "get",
    path: "/auth/sessions",
    summary: "One's own live sessions, newest first",
    query: z.strictObject({ ...pageQuery }),
    replies: { 200: { description: "A page of sessions", schema: pageOf(sessionSchema) } },
    handle: ({ actor, query }) => replyPage(query, (page) => identity.listSessions(actor, page)),
  });
}

function endRoute(identity: IdentityService): Route {
  return defineRoute({
    ...shared,
    method: "delete",
    path: "/auth/sessions/:id",
    summary: "End one of one's own sessions",
    params: idParams,
    replies: {
      204: { description: "Ended: neither its refresh cookie nor its access tokens open anything" },
    },
    async handle({ actor, params: { id } }) {
      await identity.endSession(actor, id);
      return { status: 204 };
    },
  });
}

function endOthersRoute(identity: IdentityService): Route {
  return defineRoute({
    ...shared,
    method: "delete",
    path: "/auth/sessions",
    summary: "End all of one's own sessions but this one",
    replies: { 204: { description: "Ended" } },
    async handle({ actor }) {
      await identity.endOtherSessions(actor);
      return { status: 204 };
    },
  });
}
