// Graphs for tests, written as chains, and the few calls every end-to-end test makes.
import type { Person, Request } from "./client.ts";

export type DrawnNode = {
  id: string;
  type: string;
  config?: Record<string, unknown>;
  data?: Record<string, unknown>;
};

/** trigger.manual "start" followed by these, one after the other. */
export function chain(...nodes: DrawnNode[]) {
  const all: DrawnNode[] = [{ id: "start", type: "trigger.manual" }, ...nodes];
  return {
    nodes: all.map(({ id, type, config = {}, data = {} }) => ({ id, type, data: { config, ...data } })),
    edges: all.slice(1).map((node, index) => ({ source: all[index]?.id ?? "", target: node.id })),
  };
}

export async function createWorkflow(request: Request, person: Person, graph: unknown): Promise<string> {
  const reply = await request<{ id: string }>("POST", "/api/workflows", {
    token: person.token,
    body: { name: "test", graph },
  });
  if (reply.status !== 201) throw new Error(`creating the workflow answered ${reply.status}: ${reply.text}`);
  return reply.body.id;
}

export async function submit(
  request: Request,
  person: Person,
  workflowId: string,
  body: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<string> {
  const path = `/api/workflows/${workflowId}/executions`;
  const reply = await request<{ id: string }>("POST", path, { token: person.token, body, headers });
  if (reply.status !== 202 && reply.status !== 200)
    throw new Error(`submit answered ${reply.status}: ${reply.text}`);
  return reply.body.id;
}

export type ExecutionView = {
  id: string;
  status: string;
  output: unknown;
  error: { code: string; message: string; nodeId?: string } | null;
};

/** Asks until the execution has ended; gives up loudly after `patienceMs`. */
export async function untilEnded(
  request: Request,
  person: Person,
  id: string,
  patienceMs = 60_000,
): Promise<ExecutionView> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const reply = await request<ExecutionView>("GET", `/api/executions/${id}`, { token: person.token });
    if (["succeeded", "failed", "cancelled"].includes(reply.body?.status)) return reply.body;
    if (Date.now() > deadline) throw new Error(`execution ${id} has not ended: ${reply.text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function listSteps(request: Request, person: Person, id: string) {
  type Step = {
    nodeId: string;
    iteration: string;
    attempt: number;
    status: string;
    output: unknown;
    input: unknown;
  };
  const reply = await request<{ items: Step[] }>("GET", `/api/executions/${id}/steps?limit=200`, {
    token: person.token,
  });
  return reply.body.items;
}
