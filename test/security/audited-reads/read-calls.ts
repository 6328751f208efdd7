// Every route of the document whose answer has room for anything, and what the audit log says of it. A new one needs a line.
import type { ApiReply, Person } from "../../support/client.ts";
import type { ReadBed } from "./read-bed.ts";

export type ReadCall = {
  action: "execution.read" | "file.read";
  how: string;
  /** What it is about; its id. */
  make(bed: ReadBed, workspaceId: string, labels: readonly string[]): Promise<string>;
  ask(bed: ReadBed, person: Person, id: string, labels: readonly string[]): Promise<ApiReply>;
};

const get =
  (path: (id: string) => string) =>
  (bed: ReadBed, { token }: Person, id: string) =>
    bed.api.request("GET", path(id), { token });

const execution = {
  action: "execution.read",
  make: (bed, place, labels) => bed.addExecution(place, labels),
} as const satisfies Partial<ReadCall>;

/** These hand out what executions and files hold: an entry before the answer. */
export const READS: Readonly<Record<string, ReadCall>> = {
  "get /api/executions/{id}": {
    ...execution,
    how: "execution",
    ask: get((id) => `/api/executions/${id}`),
  },
  "get /api/executions/{id}/steps": {
    ...execution,
    how: "steps",
    ask: get((id) => `/api/executions/${id}/steps`),
  },
  "get /api/executions/{id}/events": {
    ...execution,
    how: "events",
    ask: get((id) => `/api/executions/${id}/events`),
  },
  "post /api/workflows/{id}/executions": {
    action: "execution.read",
    how: "wait",
    make: (bed, place) => bed.addWorkflow(place),
    async ask(bed, { token }, id, labels) {
      const options = { token, body: { labels }, headers: { prefer: "wait=20" } };
      const reply = bed.api.request("POST", `/api/workflows/${id}/executions`, options);
      // Who is refused makes nothing that could end.
      await Promise.race([bed.endNext(id), reply]);
      return reply;
    },
  },
  "get /api/approvals": {
    ...execution,
    how: "approvals",
    async make(bed, place, labels) {
      const id = await bed.addExecution(place, labels);
      await bed.addApproval(place, id);
      return id;
    },
    ask: get((id) => `/api/approvals?executionId=${id}`),
  },
  "get /api/files/{id}": {
    action: "file.read",
    how: "content",
    make: (bed, place, labels) => bed.addFile(place, labels),
    ask: get((id) => `/api/files/${id}`),
  },
};

/** Of those, the ones whose answers have a shape, and quote data in its texts. */
export const QUOTES: readonly string[] = ["get /api/approvals"];

export type OwnEntry = { action: string; ask(bed: ReadBed, workspaceId: string): Promise<ApiReply> };

/** These have an entry of their own whatever the labels. */
export const OWN_ENTRIES: Readonly<Record<string, OwnEntry>> = {
  "get /api/workspaces/{id}/export": {
    action: "workspace.exported",
    ask: (bed, place) => bed.api.request("GET", `/api/workspaces/${place}/export`, bed.owner),
  },
  "get /api/audit-logs/export": {
    action: "audit.exported",
    ask: (bed, place) => bed.api.request("GET", `/api/audit-logs/export?workspaceId=${place}`, bed.owner),
  },
  // Who sends it is nobody the platform knows: its webhook's owner is answered for.
  "post /hooks/{token}": {
    action: "execution.submitted",
    async ask(bed, workspaceId) {
      const { token } = bed.owner;
      const graph = { nodes: [{ id: "start", type: "trigger.webhook" }], edges: [] };
      const flow = await bed.api.request<{ id: string }>("POST", "/api/workflows", {
        token,
        body: { name: "hooked", graph, workspaceId },
      });
      const hook = await bed.api.request<{ token: string }>("POST", "/api/webhooks", {
        token,
        body: { workflowId: flow.body.id, verify: { type: "none" } },
      });
      return bed.api.request("POST", `/hooks/${hook.body.token}`);
    },
  },
  // Of its execution it tells how it ended.
  "post /api/credentials/{id}/test": {
    action: "credential.tested",
    async ask(bed, workspaceId) {
      const { token } = bed.owner;
      const made = await bed.api.request<{ id: string }>("POST", "/api/credentials", {
        token,
        body: {
          ...{ workspaceId, name: "key", type: "http.bearer" },
          ...{ data: { token: "4711" }, allowedHosts: ["any.example.com"] },
        },
      });
      const headers = { prefer: "wait=0" };
      return bed.api.request("POST", `/api/credentials/${made.body.id}/test`, { token, headers });
    },
  },
};

/** These have room for anything, but not for what executions and files hold: why. */
const GRAPH = "the configuration of nodes, which people draw";
const INPUT = "what an editor wrote to be submitted; it becomes an execution's only when it is";
export const NO_DATA: Readonly<Record<string, string>> = {
  "get /api/node-types": "JSON Schemas of the code",
  "post /api/workflows": GRAPH,
  "get /api/workflows/{id}": GRAPH,
  "put /api/workflows/{id}": GRAPH,
  "get /api/workflows/{id}/versions/{version}": GRAPH,
  "get /api/workflows/{id}/versions/{from}/diff/{to}": GRAPH,
  "post /api/workflows/{id}/versions/{version}/restore": GRAPH,
  "post /api/schedules": INPUT,
  "get /api/schedules/{id}": INPUT,
  "patch /api/schedules/{id}": INPUT,
  "get /api/audit-logs": "details of entries, which hold no payloads",
  "get /api/admin/workers": "alive, silent or stopped",
  "get /metrics": "counts",
};
