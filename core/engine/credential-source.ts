// The engine's port to secrets, and what of it a node gets to see: its own slots, one use at a time.
import { type PlainCredential, secretsOf } from "#core/domain/credential-types.ts";
import type { ClaimedExecution } from "#core/domain/journal.ts";
import type { NodeCredentials } from "#core/domain/node.ts";
import type { NodePlan } from "./compile-workflow.ts";
import type { Attempt } from "./run-attempt.ts";
import type { RunContext, RunScope } from "./run-context.ts";

export type CredentialRequest = {
  execution: Pick<ClaimedExecution, "id" | "workspaceId" | "userId">;
  credentialId: string;
  nodeId: string;
  iteration: string;
  attempt: number;
  /** Types the slot takes. */
  accepted: readonly string[];
  /** Where it will go; absent for what names its host itself. */
  url: string | undefined;
  signal: AbortSignal;
};

/** `secrets`: what else was read on the way and must not be seen. */
export type OpenedCredential = PlainCredential & { secrets: readonly string[] };

export type CredentialSource = {
  /**
   * Resolves when the use is in the audit log. Throws `credential_not_found`, `credential_refused`,
   * `credential_unresolved` or `decryption_failed`.
   */
  open(request: CredentialRequest): Promise<OpenedCredential>;
};

/** What is opened is redacted from then on in everything the execution stores. */
export function nodeCredentials(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
  attempt: Pick<Attempt, "number">,
  signal: AbortSignal,
): NodeCredentials {
  const { credentials, redactor, execution } = context;
  return {
    async use(slot, url) {
      const credentialId = plan.node.data?.credentials?.[slot];
      if (credentialId === undefined) return null;
      const { secrets, ...plain } = await credentials.open({
        execution,
        credentialId,
        nodeId: plan.node.id,
        iteration: scope.iteration,
        attempt: attempt.number,
        accepted: plan.definition.credentials?.[slot] ?? [],
        url,
        signal,
      });
      redactor.add([...secrets, ...secretsOf(plain)]);
      return plain;
    },
  };
}
