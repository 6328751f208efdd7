// How long a workspace keeps its executions and what they held, and the legal hold that stops every deletion there.
import { AppError } from "../../domain/app-error.ts";
import { type Actor, requireSession } from "../../domain/roles.ts";
import type { AuditEntry } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import { updateLegalHold, updateRetention, type Workspace } from "../../persistence/identity/workspaces.ts";
import { workspaceEntry } from "./own-workspace.ts";

export type RetentionChange = {
  /** Days after which what has ended goes; null: never; undefined leaves as it is. */
  retention?:
    | { executionDays?: number | null | undefined; payloadDays?: number | null | undefined }
    | undefined;
  legalHold?: boolean | undefined;
  /** Why it is set or lifted; needed for both. */
  legalHoldReason?: string | undefined;
};

/**
 * Writes what differs, under the lock on the workspace's row; returns the entries for its audit log, none without a
 * change. Throws `invalid_retention`, `invalid_legal_hold` without a reason, and `forbidden` to an API key that would
 * lift a hold: a key that leaks must not be able to destroy what a court has asked for.
 */
export async function changeRetention(
  tx: Executor,
  actor: Actor,
  current: Workspace,
  change: RetentionChange,
): Promise<AuditEntry[]> {
  return [
    ...(await changeDays(tx, actor, current, change)),
    ...(await changeHold(tx, actor, current, change)),
  ];
}

async function changeDays(
  tx: Executor,
  actor: Actor,
  { id, retention: current }: Workspace,
  { retention }: RetentionChange,
): Promise<AuditEntry[]> {
  if (retention === undefined) return [];
  const { executionDays = current.executionDays, payloadDays = current.payloadDays } = retention;
  if (executionDays === current.executionDays && payloadDays === current.payloadDays) return [];
  if (executionDays !== null && payloadDays !== null && payloadDays > executionDays) {
    const message = "cannot be longer than executionDays: the payload goes with its execution";
    throw new AppError("invalid_retention", "A payload is kept no longer than its execution", {
      problems: [{ path: "retention.payloadDays", message }],
    });
  }
  const next = { executionDays, payloadDays };
  await updateRetention(tx, id, next);
  return [workspaceEntry(actor, id, "workspace.retention_changed", { from: current, to: next })];
}

async function changeHold(
  tx: Executor,
  actor: Actor,
  { id, legalHold: current }: Workspace,
  { legalHold, legalHoldReason: reason }: RetentionChange,
): Promise<AuditEntry[]> {
  const isChanged = legalHold !== undefined && legalHold !== (current !== null);
  if (reason !== undefined && !isChanged) refuse("The reason goes with setting or lifting the hold");
  if (!isChanged) return [];
  if (reason === undefined) refuse("Say why the hold is set or lifted");
  if (legalHold) {
    await updateLegalHold(tx, id, { by: actor.userId, reason });
    return [workspaceEntry(actor, id, "workspace.legal_hold_set", { reason })];
  }
  requireSession(actor);
  await updateLegalHold(tx, id, null);
  const { since, by, reason: was } = current ?? {};
  return [workspaceEntry(actor, id, "workspace.legal_hold_lifted", { reason, since, setBy: by, was })];
}

function refuse(message: string): never {
  throw new AppError("invalid_legal_hold", message, { problems: [{ path: "legalHoldReason", message }] });
}
