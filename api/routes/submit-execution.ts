// POST /api/workflows/:id/executions, one or many.
import { z } from "zod";
import { createId } from "#core/crypto/new-id.ts";
import { type Actor, workspacesFor } from "#core/domain/roles.ts";
import type { ExecutionService } from "#core/services/executions/executions.ts";
import type { ExecutionSubmitter, Submission } from "#core/services/executions/submit-executions.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Reply, type Route } from "../routing/route.ts";
import { acceptedSchema, batchBody, executionSchema, submitBody } from "./execution-schemas.ts";
import {
  idempotencyKeyHeader,
  preferHeader,
  readIdempotencyKey,
  readPreferredWait,
} from "./submit-headers.ts";

type SubmitDependencies = { executions: ExecutionService; submitter: ExecutionSubmitter };

export function createSubmitRoutes(dependencies: SubmitDependencies): Route[] {
  const { executions, submitter } = dependencies;
  return [
    defineRoute({
      method: "post",
      path: "/api/workflows/:id/executions",
      summary: "Run a workflow",
      tag: "Executions",
      action: "execution:run",
      params: idParams,
      headers: { ...idempotencyKeyHeader, ...preferHeader },
      body: submitBody,
      replies: {
        200: { description: "It ended within the preferred wait", schema: executionSchema },
        202: { description: "Accepted: it is stored and will run", schema: acceptedSchema },
      },
      async handle({ actor, params, body, request }) {
        const key = readIdempotencyKey(request);
        const waitMs = readPreferredWait(request);
        const { input = {}, ...rest } = body ?? {};
        return submitOne(dependencies, actor, { workflowId: params.id, input, ...rest }, { key, waitMs });
      },
    }),
    defineRoute({
      method: "post",
      path: "/api/workflows/:id/executions/batch",
      summary: "Run a workflow once per input, up to 1,000: all or none",
      tag: "Executions",
      action: "execution:run",
      params: idParams,
      headers: idempotencyKeyHeader,
      body: batchBody,
      replies: {
        202: {
          description: "Accepted, in the order of the inputs",
          schema: z.object({ items: z.array(z.object({ id: z.uuid(), status: z.string() })) }),
        },
      },
      async handle({ actor, params, body: { inputs, ...rest }, request }) {
        const key = readIdempotencyKey(request);
        const submissions = inputs.map((input) => ({ workflowId: params.id, input, ...rest }));
        const submitted = await submitter.submitMany(actor, submissions, { key });
        // The same request again tells how its executions fare.
        const earlier = submitted.filter(({ made }) => !made).map(({ id }) => id);
        const statuses = earlier.length > 0 ? await executions.statuses(actor, earlier) : new Map();
        const items = submitted.map(({ id }) => ({ id, status: statuses.get(id) ?? "queued" }));
        return { status: 202, body: { items } };
      },
    }),
  ];
}

async function submitOne(
  { executions, submitter }: SubmitDependencies,
  actor: Actor,
  submission: Submission,
  { key, waitMs }: { key: string | undefined; waitMs: number },
): Promise<Reply> {
  const newId = createId();
  using end = waitMs > 0 ? executions.listenForEnd(newId) : undefined;
  const { id, workspaceId, version, made } = await submitter.submit(actor, submission, {
    id: newId,
    key,
    watched: waitMs > 0,
  });
  // A key that may run and not read is told that its run is accepted, and no more.
  const mayRead = workspacesFor(actor, "execution:read").includes(workspaceId);
  const headers = {
    location: `/api/executions/${id}`,
    ...(waitMs > 0 && mayRead ? { "preference-applied": `wait=${waitMs / 1_000}` } : {}),
  };
  const wait = () => (made && end ? end.waitForEnd(actor, waitMs) : executions.waitForEnd(actor, id, waitMs));
  const ended = waitMs > 0 && mayRead ? await wait() : null;
  if (ended) return { status: 200, headers, body: ended };
  // The same request again tells how its execution fares.
  const known = made || !mayRead ? undefined : (await executions.statuses(actor, [id])).get(id);
  const status = known ?? "queued";
  return { status: 202, headers, body: { id, workflowId: submission.workflowId, version, status } };
}
