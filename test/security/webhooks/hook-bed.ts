// An api with people, workflows and webhooks, and the ways their senders sign.
import { createHmac } from "node:crypto";
import { startTestApi, type TestApi, type TestApiOptions } from "../../support/api.ts";
import type { ApiReply, Person } from "../../support/client.ts";
import { createExecutionBed, type ExecutionBed } from "../../support/executions.ts";
import { createWorkflow } from "../../support/workflows.ts";

export type Hook = { id: string; url: string; token: string; secret: string; workflowId: string };

export type HookBed = {
  bed: ExecutionBed;
  api: TestApi;
  owner: Person;
  addWorkflow(): Promise<string>;
  /** Of a new workflow unless one is given. */
  addHook(verify: Record<string, unknown>, more?: Record<string, unknown>): Promise<Hook>;
  /** Posts these bytes; nothing is added but what `headers` says. */
  deliver(hook: Hook, body: string | Buffer, headers?: Record<string, string>): Promise<ApiReply>;
  executionsOf(workflowId: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
};

export const HOOK_GRAPH = {
  nodes: [
    { id: "hook", type: "trigger.webhook", data: {} },
    { id: "echo", type: "data.transform", data: { config: { value: { got: "{{ input }}" } } } },
  ],
  edges: [{ source: "hook", target: "echo" }],
};

export async function createHookBed(options: TestApiOptions = {}): Promise<HookBed> {
  const bed = await createExecutionBed();
  const api = await startTestApi(bed.databaseUrl, options);
  const owner = await api.register();
  const addWorkflow = () => createWorkflow(api.request, owner, HOOK_GRAPH);
  return {
    bed,
    api,
    owner,
    addWorkflow,
    async addHook(verify, more = {}) {
      const workflowId = String(more.workflowId ?? (await addWorkflow()));
      const body = { ...more, workflowId, verify };
      const made = await api.request<Hook>("POST", "/api/webhooks", { token: owner.token, body });
      if (made.status !== 201) throw new Error(`creating the webhook answered ${made.status}: ${made.text}`);
      return { ...made.body, workflowId };
    },
    async deliver(hook, body, headers = {}) {
      return api.request("POST", `/hooks/${hook.token}`, {
        body,
        headers: { "content-type": "application/json", ...headers },
      });
    },
    async executionsOf(workflowId) {
      const text = "select * from workflow_executions where workflow_id = $1 order by id";
      return (await bed.admin.query(text, [workflowId])).rows;
    },
    async close() {
      await api.close();
      await bed.close();
    },
  };
}

/** Written apart from the code under test, as a sender would. */
export const sign = (secret: string, text: string | Buffer, encoding: "hex" | "base64" = "hex") =>
  createHmac("sha256", secret).update(text).digest(encoding);

export const githubHeaders = (secret: string, body: string, delivery?: string) => ({
  "x-hub-signature-256": `sha256=${sign(secret, body)}`,
  "x-github-event": "push",
  ...(delivery !== undefined && { "x-github-delivery": delivery }),
});

export const stripeHeaders = (secret: string, body: string, seconds = Math.floor(Date.now() / 1_000)) => ({
  "stripe-signature": `t=${seconds},v1=${sign(secret, `${seconds}.${body}`)}`,
});
