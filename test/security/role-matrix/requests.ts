// How to call each route of the document: path, query and body, never who may. A new route needs a line here.
import { v7 as uuidv7 } from "uuid";
import { chain } from "../../support/workflows.ts";
import type { Plan } from "./plan.ts";
import { emailOf, type Target } from "./targets.ts";
import { WORKSPACE_NAME } from "./world.ts";

const nothing: Plan = { object: null, call: () => ({}) };
const refusedWhenEmpty: Plan = { object: null, call: () => ({ body: {} }) };
const empty: Plan = { ...refusedWhenEmpty, answers: 400 };
const filtered: Plan = {
  object: "workspace",
  optional: true,
  call: (target) => (target ? { query: { workspaceId: target.workspaceId } } : {}),
};

/** A call whose first parameter is the object, with what follows it. */
const on = (
  object: NonNullable<Plan["object"]>,
  idOf: (target: Target) => string | Promise<string>,
  rest: { more?: readonly (string | number)[]; body?: unknown } = {},
): Plan => ({
  object,
  call: async (target) => ({
    params: [target ? await idOf(target) : "", ...(rest.more ?? [])],
    ...(rest.body === undefined ? {} : { body: rest.body }),
  }),
});

const workflow = (target: Target) => target.workflow();
const ended = (target: Target) => target.execution("succeeded");

const OPERATIONS: Readonly<Record<string, Plan>> = {
  "get /healthz": nothing,
  "get /readyz": nothing,
  "get /metrics": nothing,
};

const IDENTITY: Readonly<Record<string, Plan>> = {
  "post /auth/register": refusedWhenEmpty,
  "post /auth/login": refusedWhenEmpty,
  "post /auth/refresh": nothing,
  "post /auth/logout": nothing,
  "get /auth/me": nothing,
  "post /auth/reset": refusedWhenEmpty,
  "put /auth/password": empty,
  "post /auth/mfa/setup": empty,
  "post /auth/mfa/enable": empty,
  "post /auth/mfa/disable": empty,
  "get /auth/sessions": nothing,
  "delete /auth/sessions": nothing,
  "delete /auth/sessions/{id}": on("person", (target) => target.session()),
  "post /auth/queues-session": nothing,
  "post /auth/api-keys": { object: null, call: () => ({ body: { name: "key", scopes: ["read"] } }) },
  "get /auth/api-keys": nothing,
  "delete /auth/api-keys/{id}": on("person", (target) => target.apiKey()),
};

const WORKFLOWS: Readonly<Record<string, Plan>> = {
  "get /api/node-types": nothing,
  "post /api/workflows/validate": { object: null, call: () => ({ body: { graph: chain() } }) },
  "get /api/workflows": filtered,
  "post /api/workflows": {
    object: "workspace",
    optional: true,
    call: (target) => ({
      body: { name: "new", graph: chain(), ...(target && { workspaceId: target.workspaceId }) },
    }),
  },
  "get /api/workflows/{id}": on("workspace", workflow),
  "put /api/workflows/{id}": on("workspace", workflow, { body: { name: "renamed" } }),
  "delete /api/workflows/{id}": on("workspace", workflow),
  "get /api/workflows/{id}/versions": on("workspace", workflow),
  "get /api/workflows/{id}/versions/{version}": on("workspace", workflow, { more: [1] }),
  "get /api/workflows/{id}/versions/{from}/diff/{to}": on("workspace", workflow, { more: [1, 1] }),
  "post /api/workflows/{id}/versions/{version}/restore": on("workspace", workflow, { more: [1] }),
};

const EXECUTIONS: Readonly<Record<string, Plan>> = {
  "post /api/workflows/{id}/executions": on("workspace", workflow, { body: { input: 1 } }),
  "post /api/workflows/{id}/executions/batch": on("workspace", workflow, { body: { inputs: [1, 2] } }),
  "get /api/executions": {
    object: null,
    call: () => ({ query: { status: "succeeded" } }),
  },
  "get /api/executions/{id}": on("workspace", ended),
  "get /api/executions/{id}/steps": on("workspace", ended),
  "get /api/executions/{id}/events": on("workspace", ended),
  "post /api/executions/{id}/cancel": on("workspace", (target) => target.execution("queued")),
  "post /api/executions/{id}/retry": on("workspace", (target) => target.execution("failed")),
  "post /api/executions/{id}/fork": on("workspace", ended, { body: { fromNode: "start" } }),
  // It has ended: there is nothing left to decide.
  "post /api/executions/{id}/steps/decide": {
    ...on("workspace", ended, { body: { nodeId: "start", decision: "fail" } }),
    answers: 409,
  },
};

const APPROVALS: Readonly<Record<string, Plan>> = {
  "get /api/approvals": filtered,
  "post /api/approvals/{id}": on("workspace", (target) => target.approval(), {
    body: { decision: "reject" },
  }),
};

const FILES: Readonly<Record<string, Plan>> = {
  "get /api/files": filtered,
  "post /api/files": {
    object: "workspace",
    optional: true,
    call: (target) => ({
      query: { name: "a.txt", ...(target && { workspaceId: target.workspaceId }) },
      body: Buffer.from("a"),
      headers: { "content-type": "text/plain" },
    }),
  },
  "get /api/files/{id}": on("workspace", (target) => target.file()),
  "delete /api/files/{id}": on("workspace", (target) => target.file()),
};

const credential = (target: Target) => target.credential();

const CREDENTIALS: Readonly<Record<string, Plan>> = {
  "get /api/credentials": filtered,
  "post /api/credentials": {
    object: "workspace",
    optional: true,
    call: (target) => ({
      body: {
        name: `key ${uuidv7()}`,
        type: "http.bearer",
        data: { token: "4711" },
        allowedHosts: ["*"],
        ...(target && { workspaceId: target.workspaceId }),
      },
    }),
  },
  "get /api/credentials/{id}": on("workspace", credential),
  "patch /api/credentials/{id}": on("workspace", credential, { body: { name: "renamed" } }),
  "delete /api/credentials/{id}": on("workspace", credential),
  "post /api/credentials/{id}/test": {
    object: "workspace",
    // No worker is there to answer.
    call: async (target) => ({
      params: [(await target?.credential()) ?? ""],
      body: { url: "https://any.example.com/" },
      headers: { prefer: "wait=0" },
    }),
  },
};

const schedule = (target: Target) => target.schedule();
const hour = { from: "2026-01-05T10:00:00Z", to: "2026-01-05T10:59:00Z" };

const SCHEDULES: Readonly<Record<string, Plan>> = {
  "get /api/schedules": filtered,
  "post /api/schedules": {
    object: "workspace",
    call: async (target) => ({ body: { workflowId: (await target?.workflow()) ?? "", cron: "0 * * * *" } }),
  },
  "post /api/schedules/preview": { object: null, call: () => ({ body: { cron: "0 * * * *" } }) },
  "get /api/schedules/{id}": on("workspace", schedule),
  "patch /api/schedules/{id}": on("workspace", schedule, { body: { name: "renamed" } }),
  "delete /api/schedules/{id}": on("workspace", schedule),
  "get /api/schedules/{id}/preview": on("workspace", schedule),
  "get /api/schedules/{id}/history": on("workspace", schedule),
  "post /api/schedules/{id}/trigger": on("workspace", schedule),
  "post /api/schedules/{id}/backfill": on("workspace", schedule, { body: hour }),
};

const webhook = (target: Target) => target.webhook();

const WEBHOOKS: Readonly<Record<string, Plan>> = {
  "get /api/webhooks": filtered,
  "post /api/webhooks": {
    object: "workspace",
    call: async (target) => ({
      body: { workflowId: (await target?.workflow()) ?? "", verify: { type: "none" } },
    }),
  },
  "get /api/webhooks/{id}": on("workspace", webhook),
  "patch /api/webhooks/{id}": on("workspace", webhook, { body: { enabled: false } }),
  "delete /api/webhooks/{id}": on("workspace", webhook),
  "post /api/webhooks/{id}/rotate": on("workspace", webhook),
  "get /api/webhooks/{id}/deliveries": on("workspace", webhook),
  "post /hooks/{token}": nothing,
};

const AUDIT: Readonly<Record<string, Plan>> = {
  "get /api/audit-logs": filtered,
  "get /api/audit-logs/export": filtered,
  "get /api/audit-logs/head": filtered,
  "get /api/audit-logs/verify": filtered,
};

const workspace = (target: Target) => target.workspaceId;
const guest = () => ({ email: `${uuidv7()}@guest.test` });

/** Of a workspace and something in it. */
const within = (idOf: (target: Target) => Promise<string>, body?: unknown): Plan => ({
  object: "workspace",
  call: async (target) => ({
    params: target ? [target.workspaceId, await idOf(target)] : [],
    ...(body === undefined ? {} : { body }),
  }),
});

const WORKSPACES: Readonly<Record<string, Plan>> = {
  "get /api/workspaces": nothing,
  "post /api/workspaces": { object: null, call: () => ({ body: { name: "new" } }) },
  "get /api/workspaces/{id}": on("workspace", workspace),
  "patch /api/workspaces/{id}": on("workspace", workspace, { body: { name: "renamed" } }),
  "get /api/workspaces/{id}/members": on("workspace", workspace),
  "patch /api/workspaces/{id}/members/{userId}": within((target) => target.member(), { role: "editor" }),
  "delete /api/workspaces/{id}/members/{userId}": within((target) => target.member()),
  "post /api/workspaces/{id}/transfer": {
    object: "workspace",
    call: async (target) => ({
      params: [target?.workspaceId ?? ""],
      body: { userId: (await target?.member()) ?? "" },
    }),
  },
  // Nobody here knows a password; an id of nothing, because who may call it is asked before what it is about.
  "post /api/workspaces/{id}/emergency-access": {
    object: null,
    call: () => ({
      params: [uuidv7()],
      body: { reason: "nobody else is on duty", password: "correct horse battery" },
    }),
    answers: 401,
  },
  "delete /api/workspaces/{id}/emergency-access": on("workspace", workspace),
  "get /api/workspaces/{id}/invitations": on("workspace", workspace),
  "post /api/workspaces/{id}/invitations": {
    object: "workspace",
    call: (target) => ({ params: [target?.workspaceId ?? ""], body: { ...guest(), role: "viewer" } }),
  },
  "delete /api/workspaces/{id}/invitations/{invitationId}": within((target) => target.invitation()),
  // There is none for them: one refusal for whatever is no invitation.
  "post /api/invitations/accept": { object: null, call: () => ({ body: { token: "none" } }), answers: 400 },
  "delete /api/workspaces/{id}": on("workspace", (target) => target.workspaceId, {
    body: { confirm: WORKSPACE_NAME },
  }),
  "get /api/workspaces/{id}/export": on("workspace", (target) => target.workspaceId),
  "post /api/workspaces/{id}/erase": {
    object: "workspace",
    async call(target) {
      const userId = (await target?.member()) ?? "";
      return { params: [target?.workspaceId ?? ""], body: { userId, confirm: emailOf(userId) } };
    },
  },
};

const somebody = (target: Target) => target.member();

const ADMINISTRATION: Readonly<Record<string, Plan>> = {
  "get /api/admin/invitations": nothing,
  "post /api/admin/invitations": { object: null, call: () => ({ body: guest() }) },
  "delete /api/admin/invitations/{id}": on("instance", (target) => target.instanceInvitation()),
  "get /api/admin/users": nothing,
  "get /api/admin/workers": nothing,
  "get /api/admin/timers": nothing,
  "get /api/admin/users/{id}": on("instance", somebody),
  "patch /api/admin/users/{id}": on("instance", somebody, { body: { disabled: true } }),
  "post /api/admin/users/{id}/reset-link": on("instance", somebody),
  "delete /api/admin/users/{id}/sessions": on("instance", somebody),
  "get /api/admin/users/{id}/api-keys": on("instance", somebody),
  "delete /api/admin/users/{id}/api-keys": on("instance", somebody),
  // They have no key.
  "delete /api/admin/users/{id}/api-keys/{keyId}": {
    ...on("instance", somebody, { more: [uuidv7()] }),
    answers: 404,
  },
  // They have no second factor that could be taken away.
  "post /api/admin/users/{id}/mfa-reset": {
    ...on("instance", somebody, { body: { reason: "lost phone" } }),
    answers: 409,
  },
  "post /api/admin/users/{id}/erase": {
    object: "instance",
    async call(target) {
      const userId = (await target?.member()) ?? "";
      return { params: [userId], body: { confirm: emailOf(userId) } };
    },
  },
};

export const REQUESTS: Readonly<Record<string, Plan>> = {
  ...OPERATIONS,
  ...IDENTITY,
  ...WORKFLOWS,
  ...EXECUTIONS,
  ...APPROVALS,
  ...FILES,
  ...CREDENTIALS,
  ...SCHEDULES,
  ...WEBHOOKS,
  ...AUDIT,
  ...WORKSPACES,
  ...ADMINISTRATION,
};
