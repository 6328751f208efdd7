// The demo's story: sign in, save the workflow, submit the order once, follow it, show what came out.
import { randomUUID } from "node:crypto";
import { type ApiClient, createApiClient, send } from "./api-client.ts";
import { findSampleService } from "./find-sample-service.ts";
import { followExecution } from "./follow-execution.ts";
import type { DemoOptions } from "./parse-arguments.ts";
import { createPatience, Unreachable } from "./patience.ts";
import { drawPurchaseOrder, makePurchaseOrder } from "./purchase-order.ts";
import { type EndedExecution, showExecution } from "./show-execution.ts";
import { stepHeading, stepLine } from "./show-step.ts";
import { createSignIn } from "./sign-in.ts";

/** True when the execution succeeded. Throws with a message for people. */
export async function runDemo(options: DemoOptions, say: (line: string) => void): Promise<boolean> {
  await requireServer(options.url);
  const service = await findSampleService(options);
  if (service === null) {
    say(
      "No sample service found (npm start on an embedded database runs one; SAMPLE_SERVICE_URL names another):",
    );
    say("stock and order number are made up by transforms this time, without an HTTP call.\n");
  }
  const patience = createPatience(say);
  const client = createApiClient(options.url, patience, createSignIn(options, say));
  const workflowId = await saveWorkflow(client, service);
  say(`Saved the workflow ${workflowId}`);
  const executionId = await submitOrder(client, workflowId, options);
  say(`Submitted execution  ${executionId}, an order of ${options.lines} lines\n\n${stepHeading}`);

  const status = await followExecution({ client, patience }, executionId, {
    onStep: (step) => say(stepLine(step)),
    // Running tells itself by its steps, and the end by what follows.
    onStatus: (now) => ["queued", "waiting"].includes(now) && say(`  — ${now}`),
    onBreak: () => say("  … the event stream broke off; taking it up again"),
  });
  const path = `/api/executions/${executionId}`;
  say(showExecution(options.url, await client.json<EndedExecution>({ method: "GET", path })));
  return status === "succeeded";
}

/** Before anything else and without patience: most likely nobody has started it. */
async function requireServer(url: string): Promise<void> {
  try {
    await send(url, { method: "GET", path: "/healthz" }, AbortSignal.timeout(5_000));
  } catch (cause) {
    const hint = `Start it with npm start in another terminal, or say where it is: ATELIER_URL=http://host:port`;
    const fault = cause instanceof Unreachable ? cause.message : `there is something else at ${url}`;
    throw new Error(`No server is running: ${fault}.\n${hint}`, { cause });
  }
}

/** A repeat after a lost answer saves a second one, which does no harm: nothing runs until it is submitted. */
async function saveWorkflow(client: ApiClient, service: string | null): Promise<string> {
  const name = `Purchase order (demo ${randomUUID().slice(0, 8)})`;
  const body = { name, description: "Made by npm run demo", graph: drawPurchaseOrder(service) };
  const { id } = await client.json<{ id: string }>({ method: "POST", path: "/api/workflows", body });
  return id;
}

/** Under an Idempotency-Key: however often it is sent, it runs once. */
async function submitOrder(client: ApiClient, workflowId: string, options: DemoOptions): Promise<string> {
  const { id } = await client.json<{ id: string }>({
    method: "POST",
    path: `/api/workflows/${workflowId}/executions`,
    headers: { "idempotency-key": randomUUID() },
    body: { input: makePurchaseOrder(options.lines, options.slowMs) },
  });
  return id;
}
