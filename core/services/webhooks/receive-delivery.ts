// A delivery at a webhook: who sends it is verified over its bytes, then it is read, then it runs, once.
import { v7 as uuidv7 } from "uuid";
import type { Envelope } from "../../crypto/envelope.ts";
import { createId } from "../../crypto/new-id.ts";
import { hashToken } from "../../crypto/tokens.ts";
import { type SignatureFault, verifySignature } from "../../crypto/webhook-signatures.ts";
import { AppError } from "../../domain/app-error.ts";
import { findFileReferences } from "../../domain/file-references.ts";
import { type Actor, notFound, workspacesFor } from "../../domain/roles.ts";
import { contentOf, deliveryIdOf, shownDeliveryId } from "../../domain/webhooks/delivery-id.ts";
import { keptHeaders } from "../../domain/webhooks/kept-headers.ts";
import type { HookHeaders } from "../../domain/webhooks/webhook.ts";
import type { Database } from "../../persistence/database.ts";
import {
  type CalledWebhook,
  findCalledWebhook,
  findHookActor,
  findHookEditors,
  findHookStart,
  type HookStart,
} from "../../persistence/webhooks/called-webhooks.ts";
import { type Delivery, noteRefusal } from "../../persistence/webhooks/webhook-deliveries.ts";
import type { ExecutionSubmitter } from "../executions/submit-executions.ts";
import type { ActorCache } from "../identity/actor-cache.ts";
import { inNameOf, principalsOf } from "../principals-of.ts";
import { chooseTrigger } from "./choose-trigger.ts";
import { openSecrets } from "./webhook-secret.ts";

export type HookRequest = {
  headers: HookHeaders;
  method: string;
  query: Readonly<Record<string, string | string[]>>;
  /** The exact bytes; asked for once the webhook is known. */
  readBody(): Promise<Buffer>;
  /** What the workflow gets of them; asked for once they are verified. Throws when they are not what they say. */
  parse(body: Buffer): unknown;
  /** How long the caller waits for the result; `responds`: the workflow has an answer of its own. */
  waitMs(responds: boolean): number;
  /** Counts a refusal against the caller and the webhook: `refuse` is not called for one too many. */
  countRefusal(webhookId: string | undefined, refuse: () => Promise<never>): Promise<never>;
};

/** `waitMs` is 0 where nobody waits. */
export type Admitted = { id: string; webhookId: string; actor: Actor; made: boolean; waitMs: number };

/** accepted: it runs. replayed: it ran before. Else the code of why not; `internal_error` and `database_unavailable` are ours. */
export type ObserveDelivery = (outcome: string) => void;

export type ReceiveDependencies = {
  database: Database;
  envelope: Envelope;
  actors: ActorCache;
  submitter: ExecutionSubmitter;
  observeDelivery?: ObserveDelivery | undefined;
};

/**
 * Resolves when the execution is committed; the same delivery gives the same execution. Throws `not_found` for an
 * unknown token, `invalid_signature`, `idempotency_mismatch` (its id came with other content), `webhook_unverifiable`,
 * `webhook_owner_may_not_run`, `webhook_trigger_unclear`, `invalid_trigger`, `queue_full`, and what reading and parsing
 * throw. What is refused is counted, and kept by reason unless it is to be sent again.
 */
export async function receiveDelivery(
  dependencies: ReceiveDependencies,
  token: string,
  request: HookRequest,
): Promise<Admitted> {
  const { database, observeDelivery = () => {} } = dependencies;
  let hook: CalledWebhook | null = null;
  try {
    hook = await findCalledWebhook(database, hashToken(token));
    if (!hook) throw notFound("webhook");
    const admitted = await admit(dependencies, hook, request);
    observeDelivery(admitted.made ? "accepted" : "replayed");
    return admitted;
  } catch (error) {
    if (!(error instanceof AppError)) {
      observeDelivery("internal_error");
      throw error;
    }
    const reason = faults.get(error) ?? error.code;
    observeDelivery(hook || error.retryable ? reason : "unknown_token");
    // A full queue and a fault of ours are nobody's wrong attempt. Nothing limits them, so they are not written down
    // either: all callers would wait for the row of their hour.
    if (error.retryable) throw error;
    const refused = hook;
    return request.countRefusal(refused?.id, async () => {
      if (refused) await note(dependencies, refused, reason);
      throw error;
    });
  }
}

// What its people may know and its sender may not.
const faults = new WeakMap<AppError, string>();

/** The same for whatever was wrong with a signature, so that nobody learns what was nearly right. */
function refusalFor(fault: SignatureFault): AppError {
  const refusal =
    fault === "unverifiable"
      ? new AppError("webhook_unverifiable", "This webhook has nothing to verify deliveries with")
      : new AppError("invalid_signature", "This delivery is not signed as this webhook asks for");
  faults.set(refusal, fault);
  return refusal;
}

function ownerMayNot(): AppError {
  return new AppError("webhook_owner_may_not_run", "The owner of this webhook may not run its workflow");
}

async function admit(
  dependencies: ReceiveDependencies,
  hook: CalledWebhook,
  request: HookRequest,
): Promise<Admitted> {
  if (!hook.enabled) {
    const refusal = notFound("webhook");
    faults.set(refusal, "disabled");
    throw refusal;
  }
  const secrets = await openSecrets(dependencies.envelope, hook);
  const body = await request.readBody();
  const verdict = verifySignature(
    { ...hook, secrets },
    { headers: request.headers, body, nowMs: Date.now() },
  );
  if (verdict.fault !== null) throw refusalFor(verdict.fault);
  const input = request.parse(body);
  // Whoever may call a webhook may not read the workspace's files by it.
  if (findFileReferences({ input, query: request.query }).length > 0) {
    throw new AppError("invalid_request", "A delivery cannot name files of the workspace ($file)");
  }
  const start = await findStart(dependencies, hook);
  return submit(dependencies, { hook, request, body, input, signature: verdict.signature, ...start });
}

type Start = { actor: Actor; start: HookStart; trigger: string | null; editors: string[] };

async function findStart({ database, actors }: ReceiveDependencies, hook: CalledWebhook): Promise<Start> {
  const { ownerId, workspaceId, workflowId } = hook;
  const actor = await actors.get(`hook ${ownerId} ${workspaceId}`, async () => {
    const found = await database.transaction(inNameOf(ownerId), (tx) => findHookActor(tx, hook));
    if (!found) throw ownerMayNot();
    return found;
  });
  if (!workspacesFor(actor, "execution:run").includes(workspaceId)) throw ownerMayNot();
  const [start, editors] = await database.transaction(principalsOf(actor), (tx) =>
    Promise.all([findHookStart(tx, workflowId), findHookEditors(tx, hook.id)]),
  );
  if (!start) throw notFound("webhook");
  return { actor, start, trigger: chooseTrigger(start, hook.trigger), editors };
}

type Verified = Start & {
  hook: CalledWebhook;
  request: HookRequest;
  body: Buffer;
  input: unknown;
  signature: Buffer | null;
};

async function submit(
  { submitter }: ReceiveDependencies,
  { hook, request, body, input, signature, actor, start, trigger, editors }: Verified,
): Promise<Admitted> {
  const { headers, query, method } = request;
  const webhookId = hook.id;
  const delivery = describe(hook, request, body, signature);
  const origin = {
    type: "webhook",
    trigger: {
      webhookId,
      deliveryId: shownDeliveryId(delivery.deliveryId),
      headers: keptHeaders(headers, [hook.header, hook.timestampHeader]),
      query,
      method,
    },
    delivery,
    editors,
  } as const;
  const waitMs = request.waitMs(start.responds);
  const submission = {
    workflowId: hook.workflowId,
    input,
    // The version whose triggers were looked at.
    version: start.version,
    ...(trigger !== null && { trigger }),
  };
  const { id, made } = await submitter.submit(actor, submission, {
    id: createId(),
    watched: waitMs > 0,
    origin,
  });
  return { id, webhookId, actor, made, waitMs };
}

function describe(
  { id: webhookId, style, header, timestampHeader }: CalledWebhook,
  { query, ...request }: HookRequest,
  body: Buffer,
  signature: Buffer | null,
): Delivery {
  const id = uuidv7();
  const isProof = (name: string) => name === header || name === timestampHeader;
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !isProof(name)));
  return {
    id,
    webhookId,
    deliveryId: deliveryIdOf({ style, headers, body, signature }) ?? `none:${id}`,
    signature: signature?.toString("hex") ?? null,
    content: contentOf({ style, headers, body }, query)?.toString("hex") ?? null,
  };
}

async function note({ database }: ReceiveDependencies, hook: CalledWebhook, reason: string): Promise<void> {
  const { id: webhookId, workspaceId } = hook;
  await database.transaction({ workspaceIds: [workspaceId] }, (tx) =>
    noteRefusal(tx, { id: uuidv7(), webhookId, workspaceId, reason }),
  );
}
