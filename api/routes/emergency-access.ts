// /api/workspaces/:id/emergency-access: an administrator's way into a workspace that nobody else can open.
import { z } from "zod";
import type { EmergencyService } from "#core/services/workspaces/emergency-access.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { emergencyBody, openedEmergencySchema } from "./workspace-schemas.ts";

const path = "/api/workspaces/:id/emergency-access";
const tag = "Workspaces";

export function createEmergencyRoutes({ emergencies }: { emergencies: EmergencyService }): Route[] {
  return [
    defineRoute({
      method: "post",
      path,
      summary:
        "Let yourself into a workspace for some minutes, with a reason and your password or code; its owners are told",
      tag,
      action: "self:admin",
      // Password and codes can be guessed here by whoever has found a token.
      limit: ({ actor }) => ({ name: "mfa", account: actor.userId }),
      params: idParams,
      body: emergencyBody,
      replies: {
        201: { description: "You are in", schema: openedEmergencySchema },
        409: { description: "already_member: also while an emergency access of yours is open" },
      },
      async handle({ actor, params, body: { password, totp, ...wish } }) {
        const proof = { password, totp };
        const opened = await emergencies.open(actor, { ...wish, workspaceId: params.id }, proof);
        return { status: 201, body: opened };
      },
    }),
    defineRoute({
      method: "delete",
      path,
      summary: "End your own emergency access; as an owner, everybody's",
      tag,
      action: "member:write",
      params: idParams,
      replies: {
        200: {
          description: "How many ended, from the next request on",
          schema: z.object({ ended: z.int() }),
        },
      },
      async handle({ actor, params }) {
        return { status: 200, body: { ended: await emergencies.end(actor, params.id) } };
      },
    }),
  ];
}
