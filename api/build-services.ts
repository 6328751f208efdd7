// The use cases this process offers, made from the database and the configuration.
import type { Config } from "#core/config.ts";
import { createAccessTokens } from "#core/crypto/access-tokens.ts";
import { createPasswordHasher } from "#core/crypto/passwords.ts";
import type { ExecutionSignals } from "#core/persistence/execution-signals.ts";
import type { ExecutionQueue } from "#core/queue/execution-queue.ts";
import { createExecutionService } from "#core/services/executions.ts";
import { createFileService } from "#core/services/files.ts";
import { createIdentityService } from "#core/services/identity.ts";
import type { IdentityDependencies } from "#core/services/identity-context.ts";
import { createQueueAudit } from "#core/services/queue-audit.ts";
import { createExecutionSubmitter } from "#core/services/submit-executions.ts";
import { watchExecution } from "#core/services/watch-execution.ts";
import { createWorkflowVersionService } from "#core/services/workflow-versions.ts";
import { createWorkflowService } from "#core/services/workflows.ts";
import type { WatchExecution } from "./routes/execution-events.ts";

export type ServiceDependencies = Pick<IdentityDependencies, "database" | "actorCacheMs"> & {
  config: Config;
  queue: ExecutionQueue;
  signals: ExecutionSignals;
  /** A ring that failed: the row is committed, the scheduler rings again. */
  onRingFailed: (error: unknown) => void;
};

export type Services = ReturnType<typeof buildServices>;

export function buildServices({ config, ...shared }: ServiceDependencies) {
  const executions = createExecutionService(shared);
  const watch: WatchExecution = (actor, id, options) =>
    watchExecution({ ...shared, executions }, actor, id, options);
  return {
    executions,
    watch,
    submitter: createExecutionSubmitter(shared),
    workflows: createWorkflowService(shared),
    versions: createWorkflowVersionService(shared),
    files: createFileService(shared),
    queueAudit: createQueueAudit(shared),
    identity: createIdentityService({
      ...shared,
      hasher: createPasswordHasher(),
      accessTokens: createAccessTokens({ secrets: config.jwtSecrets, issuer: config.publicUrl }),
      signupPolicy: { signup: config.signup, host: config.host, setupToken: config.setupToken },
    }),
  };
}
