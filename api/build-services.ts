// The use cases this process offers, made from the database and the configuration.
import type { Config } from "#core/config.ts";
import { createAccessTokens } from "#core/crypto/access-tokens.ts";
import { createEnvelope } from "#core/crypto/envelope.ts";
import { createKeyring } from "#core/crypto/keyring.ts";
import { createPasswordHasher, type PasswordHasherOptions } from "#core/crypto/passwords.ts";
import type { TraceSubmission } from "#core/domain/tracing.ts";
import { createMailer } from "#core/mail/create-mailer.ts";
import type { Database } from "#core/persistence/database.ts";
import type { ExecutionSignals } from "#core/persistence/executions/execution-signals.ts";
import type { ExecutionQueue } from "#core/queue/execution-queue.ts";
import { createScriptRunner } from "#core/script/script-runner.ts";
import { createAuditLogService } from "#core/services/audit/audit-logs.ts";
import { createAuditProofService } from "#core/services/audit/audit-proof.ts";
import { createQueueAudit } from "#core/services/audit/queue-audit.ts";
import { createReadRecorder } from "#core/services/audit/record-reads.ts";
import { createCredentialService } from "#core/services/credentials/credentials.ts";
import { createCredentialTest } from "#core/services/credentials/test-credential.ts";
import { createErasureService } from "#core/services/erasure/erasures.ts";
import { createApprovalService } from "#core/services/executions/approvals.ts";
import { createEagerStarts, type EagerStartOptions } from "#core/services/executions/eager-starts.ts";
import { createExecutionService } from "#core/services/executions/executions.ts";
import { createBacklogGuard } from "#core/services/executions/guard-backlogs.ts";
import { createWorkerService } from "#core/services/executions/list-workers.ts";
import {
  createExecutionSubmitter,
  type SubmitDependencies,
} from "#core/services/executions/submit-executions.ts";
import { traceSubmissions } from "#core/services/executions/trace-submissions.ts";
import { watchExecution } from "#core/services/executions/watch-execution.ts";
import { createFileService } from "#core/services/files/files.ts";
import { createActorCache, followIdentityChanges } from "#core/services/identity/actor-cache.ts";
import { createAdminApiKeyService } from "#core/services/identity/admin-api-keys.ts";
import { createAdminUserService } from "#core/services/identity/admin-users.ts";
import { createApiKeyService } from "#core/services/identity/api-keys.ts";
import { createIdentityService } from "#core/services/identity/identity.ts";
import { createTimerService } from "#core/services/timers/list-timers.ts";
import type { ObserveDelivery } from "#core/services/webhooks/receive-delivery.ts";
import { createWorkflowVersionService } from "#core/services/workflows/workflow-versions.ts";
import { createWorkflowService } from "#core/services/workflows/workflows.ts";
import { createEmergencyService } from "#core/services/workspaces/emergency-access.ts";
import { createExportService } from "#core/services/workspaces/export-workspace.ts";
import { createInvitationService } from "#core/services/workspaces/invitations.ts";
import { createMemberService } from "#core/services/workspaces/workspace-members.ts";
import { createWorkspaceService } from "#core/services/workspaces/workspaces.ts";
import { buildTriggers } from "./build-triggers.ts";
import type { WatchExecution } from "./routes/execution-events.ts";

export type ServiceDependencies = {
  config: Config;
  database: Database;
  queue: ExecutionQueue;
  signals: ExecutionSignals;
  hashing?: PasswordHasherOptions;
  /** A ring that failed: the row is committed, the scheduler rings again. */
  onRingFailed: (error: unknown) => void;
  /** A mail that was not taken: what it said was in the answer of the call, too. */
  onMailFailed: (error: unknown) => void;
  /** How long a look-up of a person may be reused; 0 looks up every time. */
  actorCacheMs?: number;
  /** Where traces are on. */
  traceSubmission?: TraceSubmission | undefined;
  observeSubmissions?: NonNullable<SubmitDependencies["observeSubmissions"]>;
  appendSubmissions?: NonNullable<SubmitDependencies["appendSubmissions"]>;
  observeDelivery?: ObserveDelivery;
  observeEagerStart?: NonNullable<EagerStartOptions["observe"]>;
};

export type Services = ReturnType<typeof buildServices>;

export function buildServices({ config, actorCacheMs, ...opened }: ServiceDependencies) {
  const actors = createActorCache({ maxAgeMs: actorCacheMs });
  followIdentityChanges(opened, actors);
  const reads = createReadRecorder(opened);
  const hasher = createPasswordHasher(opened.hashing);
  const { maxQueued } = config;
  const backlogs = createBacklogGuard(maxQueued);
  const shared = { ...opened, actors, hasher, reads, backlogs, maxQueued };
  const executions = createExecutionService(shared);
  const scripts = createScriptRunner({ poolSize: 2 });
  const mailer = createMailer({
    smtpUrl: config.smtpUrl,
    from: config.mailFrom,
    allowPlaintext: config.allowPlaintext,
  });
  const keyring = createKeyring({ keys: config.encryptionKeys, reload: config.reloadEncryptionKeys });
  const envelope = createEnvelope({ keyring });
  const submitter = buildSubmitter(shared);
  const letters = { mailer, publicUrl: config.publicUrl };
  const watch: WatchExecution = (actor, id, options) =>
    watchExecution({ ...shared, executions }, actor, id, options);
  return {
    /** For use cases that invite or reset, and that check passwords. */
    mailer,
    hasher,
    /** Ends the connections and processes that the use cases have opened themselves. */
    async close(): Promise<void> {
      await Promise.all([mailer.close(), hasher.close(), scripts.close()]);
    },
    executions,
    approvals: createApprovalService(shared),
    reads,
    watch,
    submitter,
    ...buildTriggers({ ...shared, envelope, submitter }),
    workers: createWorkerService(shared),
    timers: createTimerService(shared),
    workflows: createWorkflowService({ ...shared, scripts }),
    versions: createWorkflowVersionService(shared),
    files: createFileService(shared),
    workspaces: createWorkspaceService(shared),
    members: createMemberService(shared),
    invitations: createInvitationService({ ...shared, ...letters }),
    emergencies: createEmergencyService({ ...shared, ...letters, hasher, envelope }),
    apiKeys: createApiKeyService(shared),
    credentials: createCredentialService({ ...shared, envelope }),
    testCredential: createCredentialTest({ ...shared, executions }),
    queueAudit: createQueueAudit(shared),
    auditLogs: createAuditLogService(shared),
    auditProof: createAuditProofService({
      ...shared,
      encryptionKeys: () => config.reloadEncryptionKeys?.() ?? config.encryptionKeys,
      anchorFolder: config.auditAnchorDir,
    }),
    erasures: createErasureService(shared),
    exports: createExportService(shared),
    adminApiKeys: createAdminApiKeyService(shared),
    adminUsers: createAdminUserService({ ...shared, ...letters }),
    identity: createIdentityService({
      ...shared,
      envelope,
      accessTokens: createAccessTokens({ secrets: config.jwtSecrets, issuer: config.publicUrl }),
      sessionLimits: config.sessionLimits,
      signupPolicy: config,
    }),
  };
}

function buildSubmitter(
  shared: Omit<SubmitDependencies, "eagerStarts"> & Omit<ServiceDependencies, "config">,
) {
  const eagerStarts = createEagerStarts({
    ...shared,
    onError: shared.onRingFailed,
    observe: shared.observeEagerStart,
  });
  return traceSubmissions(createExecutionSubmitter({ ...shared, eagerStarts }), shared.traceSubmission);
}
