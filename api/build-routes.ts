// Every route of the interface, one line per noun.
import type { Services } from "./build-services.ts";
import type { Metrics } from "./metrics.ts";
import type { Passport } from "./middleware/passport.ts";
import type { Readiness } from "./readiness.ts";
import { createAdminApiKeyRoutes } from "./routes/admin-api-keys.ts";
import { createTimerRoutes } from "./routes/admin-timers.ts";
import { createAdminUserRoutes } from "./routes/admin-users.ts";
import { createWorkerRoutes } from "./routes/admin-workers.ts";
import { createApprovalRoutes } from "./routes/approvals.ts";
import { createAuditLogRoutes } from "./routes/audit-logs.ts";
import { createAuditProofRoutes } from "./routes/audit-proof.ts";
import { createAuthRoutes } from "./routes/auth.ts";
import { createApiKeyRoutes } from "./routes/auth-api-keys.ts";
import { createMfaRoutes } from "./routes/auth-mfa.ts";
import { createPasswordRoute } from "./routes/auth-password.ts";
import { createResetRoute } from "./routes/auth-reset.ts";
import { createSessionRoutes } from "./routes/auth-sessions.ts";
import { createCredentialRoutes } from "./routes/credentials.ts";
import { createEmergencyRoutes } from "./routes/emergency-access.ts";
import { createExecutionEventRoutes } from "./routes/execution-events.ts";
import { createExecutionRoutes } from "./routes/executions.ts";
import { createFileRoutes } from "./routes/files.ts";
import { createHealthRoutes } from "./routes/health.ts";
import { createHookRoute } from "./routes/hooks.ts";
import { createInvitationRoutes } from "./routes/invitations.ts";
import { createNodeTypeRoutes } from "./routes/node-types.ts";
import { createScheduleRunRoutes } from "./routes/schedule-runs.ts";
import { createScheduleRoutes } from "./routes/schedules.ts";
import { createWebhookRoutes } from "./routes/webhooks.ts";
import { createWorkflowVersionRoutes } from "./routes/workflow-versions.ts";
import { createWorkflowRoutes } from "./routes/workflows.ts";
import { createErasureRoutes } from "./routes/workspace-erase.ts";
import { createWorkspaceExportRoutes } from "./routes/workspace-export.ts";
import { createMemberRoutes } from "./routes/workspace-members.ts";
import { createWorkspaceRoutes } from "./routes/workspaces.ts";
import type { LimitAttempt } from "./routing/mount-routes.ts";
import type { Route } from "./routing/route.ts";

export type RouteDependencies = {
  services: Services;
  passport: Passport;
  publicUrl: string;
  readiness: Readiness;
  metrics: Metrics;
  limitAttempt: LimitAttempt;
};

export function buildRoutes({
  services,
  passport,
  publicUrl,
  readiness,
  metrics,
  limitAttempt,
}: RouteDependencies): Route[] {
  return [
    ...createAuthRoutes({ identity: services.identity, passport, publicUrl }),
    ...createApiKeyRoutes(services),
    createPasswordRoute(services),
    createResetRoute({ ...services, publicUrl }),
    ...createSessionRoutes(services),
    ...createMfaRoutes(services),
    ...createNodeTypeRoutes(),
    ...createWorkflowRoutes(services),
    ...createWorkflowVersionRoutes(services),
    ...createFileRoutes(services),
    ...createAdminUserRoutes(services),
    ...createAdminApiKeyRoutes(services),
    ...createWorkerRoutes(services),
    ...createTimerRoutes(services),
    ...createErasureRoutes(services),
    ...createCredentialRoutes(services),
    ...createWorkspaceRoutes(services),
    ...createMemberRoutes(services),
    ...createInvitationRoutes(services),
    ...createEmergencyRoutes(services),
    ...createWorkspaceExportRoutes(services),
    ...createExecutionRoutes(services),
    ...createApprovalRoutes(services),
    ...createScheduleRoutes(services),
    ...createScheduleRunRoutes(services),
    ...createAuditLogRoutes(services),
    ...createAuditProofRoutes(services),
    ...createExecutionEventRoutes({ watch: services.watch, recheck: passport.authenticate }),
    ...createWebhookRoutes({ webhooks: services.webhooks, publicUrl }),
    createHookRoute({ hooks: services.hooks, limitAttempt }),
    ...createHealthRoutes({ readiness, metrics }),
  ];
}
