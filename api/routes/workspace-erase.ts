// What cannot be taken back, and therefore asks for a name or an address as confirmation.
import { z } from "zod";
import type { ErasureService } from "#core/services/erasure/erasures.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";

const confirm = z.string().min(1).max(500);
const GOES_ON = "Begun, with sums so far; it goes on by itself to its end, which the audit log tells";
const memberReport = z.object({ movedItems: z.int(), erasedEntries: z.int() });
const personReport = z.object({
  deletedWorkspaces: z.int(),
  leftWorkspaces: z.int(),
  erasedEntries: z.int(),
});
const CONFIRMATION = { 400: { description: "invalid_confirmation" } };

export function createErasureRoutes({ erasures }: { erasures: ErasureService }): Route[] {
  return [...createWorkspaceRoutes(erasures), createPersonRoute(erasures)];
}

function createWorkspaceRoutes(erasures: ErasureService): Route[] {
  return [
    defineRoute({
      method: "delete",
      path: "/api/workspaces/:id",
      summary: "Delete a workspace: it is gone for everybody at once, its rows are purged soon after",
      tag: "Workspaces",
      action: "workspace:delete",
      params: idParams,
      body: z.strictObject({ confirm: confirm.describe("The name of the workspace") }),
      replies: {
        202: {
          description: "Gone; executions are being cancelled and everything but the audit log is purged",
        },
        ...CONFIRMATION,
        409: { description: "personal_workspace" },
      },
      async handle({ actor, params, body }) {
        await erasures.deleteWorkspace(actor, { workspaceId: params.id, name: body.confirm });
        return { status: 202 };
      },
    }),
    defineRoute({
      method: "post",
      path: "/api/workspaces/:id/erase",
      summary:
        "Erase a person from this workspace: they leave it, what they own becomes yours, its log forgets them",
      tag: "Workspaces",
      action: "workspace:erase",
      params: idParams,
      body: z.strictObject({ userId: z.uuid(), confirm: confirm.describe("Their e-mail address") }),
      replies: {
        200: { description: "Erased", schema: memberReport },
        202: { description: GOES_ON, schema: memberReport },
        ...CONFIRMATION,
        409: { description: "personal_workspace: of that person; conflict: oneself; legal_hold" },
      },
      async handle({ actor, params, body }) {
        const { userId, confirm: email } = body;
        const erasure = { workspaceId: params.id, userId, email };
        const { isDone, ...report } = await erasures.eraseFromWorkspace(actor, erasure);
        return { status: isDone ? 200 : 202, body: report };
      },
    }),
  ];
}

function createPersonRoute(erasures: ErasureService): Route {
  return defineRoute({
    method: "post",
    path: "/api/admin/users/:id/erase",
    summary:
      "Erase a person from this instance; a nameless row stays, so that ids in the logs lead somewhere",
    tag: "Administration",
    // For people: with a successor of its choice a stolen key would be worth every workspace that has one owner.
    action: "self:admin",
    params: idParams,
    body: z.strictObject({
      confirm: confirm.describe("Their e-mail address"),
      successorId: z.uuid().optional().describe("Who becomes owner of workspaces only they own"),
    }),
    replies: {
      200: { description: "Erased", schema: personReport },
      202: { description: GOES_ON, schema: personReport },
      ...CONFIRMATION,
      409: {
        description:
          "last_owner: of the workspaces in details; successor_unavailable: disabled or being erased; conflict: oneself; legal_hold",
      },
    },
    async handle({ actor, params, body: { confirm: email, successorId } }) {
      const erasure = { userId: params.id, email, successorId };
      const { isDone, ...report } = await erasures.eraseFromInstance(actor, erasure);
      return { status: isDone ? 200 : 202, body: report };
    },
  });
}
