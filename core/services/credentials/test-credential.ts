// Testing a credential: one request with it, made by a worker like any other, because only workers open secrets.
import { v7 as uuidv7 } from "uuid";
import { AppError } from "../../domain/app-error.ts";
import { contentHash } from "../../domain/content-hash.ts";
import { credentialTypes } from "../../domain/credential-types.ts";
import type { ExecutionError, ExecutionStatus } from "../../domain/execution.ts";
import type { Graph } from "../../domain/graph.ts";
import { hostRefusal, isHostAllowed, targetOf } from "../../domain/host-binding.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { ensureTestWorkflow, insertTestExecution } from "../../persistence/credentials/credential-tests.ts";
import { type CredentialSummary, lockCredential } from "../../persistence/credentials/credentials.ts";
import type { Database } from "../../persistence/database.ts";
import type { Execution } from "../../persistence/executions/executions.ts";
import type { ExecutionQueue } from "../../queue/execution-queue.ts";
import type { ExecutionService } from "../executions/executions.ts";
import type { BacklogGuard } from "../executions/guard-backlogs.ts";
import { principalsOf } from "../principals-of.ts";

export type TestDependencies = {
  database: Database;
  queue: ExecutionQueue;
  backlogs: BacklogGuard;
  executions: Pick<ExecutionService, "waitForEnd">;
  onRingFailed: (error: unknown) => void;
};

/** `ok` and `httpStatus` are known once the status is final. */
export type CredentialTest = {
  executionId: string;
  status: ExecutionStatus;
  ok?: boolean;
  httpStatus?: number;
  error?: ExecutionError;
};

export type TestCredential = (
  actor: Actor,
  id: string,
  options: { url?: string | undefined; waitMs: number },
) => Promise<CredentialTest>;

/**
 * A GET with the credential. Throws `not_found`, `forbidden`, `credential_refused` for a host outside its binding, `queue_full`, and
 * `invalid_request` where no address is given and none can be told from its hosts.
 */
export function createCredentialTest({
  database,
  queue,
  backlogs,
  executions,
  onRingFailed,
}: TestDependencies): TestCredential {
  return async (actor, id, { url, waitMs }) => {
    const executionId = uuidv7();
    await database.transaction(principalsOf(actor), async (tx) => {
      const credential = await lockCredential(tx, id);
      if (!credential) throw notFound("credential");
      authorize(actor, "credential:test", credential);
      const address = addressFor(credential, url);
      const graph = testGraph(id);
      const { workspaceId } = credential;
      await backlogs.requireRoom(tx, workspaceId);
      const { userId } = actor;
      const workflowId = await ensureTestWorkflow(tx, {
        id: uuidv7(),
        credentialId: id,
        workspaceId,
        ownerId: userId,
        name: `Test of the credential ${credential.name}`,
        graph,
        contentHash: contentHash(graph),
      });
      await insertTestExecution(tx, {
        id: executionId,
        workflowId,
        workspaceId,
        userId,
        input: { url: address },
      });
      const details = { executionId, host: new URL(address).host };
      const target = { chainId: workspaceId, targetType: "credential", targetId: id };
      await appendAudit(tx, [{ ...target, actorId: userId, action: "credential.tested", details }]);
    });
    queue.ring([{ executionId, wake: 0, priority: 0, band: 0 }]).catch(onRingFailed);
    const ended = waitMs > 0 ? await executions.waitForEnd(actor, executionId, waitMs) : null;
    return ended ? resultOf(ended) : { executionId, status: "queued" };
  };
}

/** The address is the run's input, so one version serves every test. */
function testGraph(credentialId: string): Graph {
  return {
    nodes: [
      { id: "start", type: "trigger.manual" },
      {
        id: "request",
        type: "http.request",
        data: { config: { url: "{{ input.url }}" }, credentials: { auth: credentialId } },
      },
    ],
    edges: [{ source: "start", target: "request" }],
  };
}

function addressFor({ name, type, allowedHosts }: CredentialSummary, url: string | undefined): string {
  const known = credentialTypes.get(type);
  if (!known || known.namesItsHost) {
    throw new AppError("invalid_request", `A ${type} is tested by running a workflow that uses it`);
  }
  const [first, ...others] = allowedHosts;
  const address =
    url ?? (first && others.length === 0 && !first.includes("*") ? `https://${first}/` : undefined);
  const target = address === undefined ? undefined : targetOf(address);
  if (address === undefined || !target) {
    const message = "Say which address to ask: it can only be left out where the credential has one host";
    throw new AppError("invalid_request", message, { problems: [{ path: "url", message }] });
  }
  if (isHostAllowed(allowedHosts, target)) return address;
  throw new AppError("credential_refused", hostRefusal(name, allowedHosts, target));
}

function resultOf({ id, status, output, error }: Execution): CredentialTest {
  const answer =
    typeof output === "object" && output !== null && "status" in output ? output.status : undefined;
  return {
    executionId: id,
    status,
    ok: status === "succeeded",
    ...(typeof answer === "number" && { httpStatus: answer }),
    ...(error && { error }),
  };
}
