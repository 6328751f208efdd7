// The engine's durability over PostgreSQL: group commit, and patience while the database is away.
import { AppError } from "#core/domain/app-error.ts";
import { crashPoint } from "#core/domain/crash-points.ts";
import type { JournalWrite } from "#core/domain/journal.ts";
import type { RunStore } from "#core/engine/run-store.ts";
import type { Logger } from "#core/logger.ts";
import { type AuditEntry, appendAudit } from "#core/persistence/audit/audit-logs.ts";
import { type Database, NOBODY } from "#core/persistence/database.ts";
import { findOwnExpired } from "#core/persistence/executions/approvals.ts";
import { type DueExecution, findQueued } from "#core/persistence/executions/rings.ts";
import type { GoneErrorWorkflow } from "#core/persistence/executions/start-error-workflows.ts";
import { hasMoved, type WrittenJournal, writeJournal } from "#core/persistence/executions/write-journal.ts";
import { createGroupWriter } from "#core/persistence/group-writer.ts";
import { awaitDatabase, isUnavailable } from "./await-database.ts";

const MAX_BATCH = 200;
/** JSON of one statement; PostgreSQL refuses a jsonb array of 256 MB, and long before that everybody waits. */
const MAX_BATCH_BYTES = 16_777_216;

export type DrainableRunStore = RunStore & { drain(): Promise<void> };

/**
 * Writes of concurrent executions share a commit. While the database is away a write is tried again: the lease
 * decides whether it still counts when it arrives. `ring` is called with what a commit has queued. `owner` is the worker
 * whose leases count.
 */
export function createRunStore(
  database: Database,
  logger?: Pick<Logger, "warn">,
  observe?: (writes: number, seconds: number) => void,
  ring: (queued: readonly DueExecution[]) => void = () => {},
  owner?: string,
): DrainableRunStore {
  const ringParents = async (held: ReadonlySet<JournalWrite>) => {
    const parents = [...held].flatMap(({ parentId, move }) => (parentId && move ? [parentId] : []));
    if (parents.length > 0) ring(await findQueued(database, parents));
  };
  const writer = createGroupWriter<JournalWrite, boolean>({
    async writeBatch(batch) {
      const onGone = (gone: GoneErrorWorkflow) =>
        logger?.warn(gone, "execution failed, its error workflow is archived or gone");
      const { held, queued } = await writeBatch(database, batch, onGone, owner);
      if (queued.length > 0) {
        crashPoint("worker.after_queued");
        ring(queued);
      }
      // Nobody waits for the bell: one that is lost is rung by recovery.
      ringParents(held).catch(() => {});
      return batch.map((write) => held.has(write));
    },
    maxBatch: MAX_BATCH,
    weigh: { of: (write) => write.bytes ?? 0, max: MAX_BATCH_BYTES },
    maxInFlight: 2,
    isShared: isUnavailable,
    observe,
  });

  return {
    async write(write) {
      let attempts = 0;
      const held = await awaitDatabase(async () => {
        attempts++;
        // Its first try may have been committed and only the answer was lost: then it is ours, and was not taken over.
        return (await writer.write(write)) || (attempts > 1 && (await hasMoved(database, write)));
      });
      crashPoint("worker.after_commit");
      if (!held) throw new AppError("lease_lost", "Another worker has taken this execution over");
    },
    drain: () => writer.drain(),
  };
}

/** What makes executions or ends approvals people are shown: with its entries in the audit log, in one transaction. */
function writeBatch(
  database: Database,
  batch: readonly JournalWrite[],
  onGone: (gone: GoneErrorWorkflow) => void,
  owner?: string,
): Promise<WrittenJournal> {
  if (!batch.some(({ steps }) => steps.some((step) => step.child || step.expired)))
    return writeJournal(database, batch, onGone, owner);
  return database.transaction(NOBODY, async (tx) => {
    const written = await writeJournal(tx, batch, onGone, owner);
    const held = [...written.held];
    const over = held.flatMap(({ steps }) => steps.flatMap(({ expired }) => expired?.approvalId ?? []));
    const expired = over.length === 0 ? new Set<string>() : await findOwnExpired(tx, over);
    await appendAudit(
      tx,
      held.flatMap((write) => [...childEntries(write, written.made), ...expiryEntries(write, expired)]),
    );
    return written;
  });
}

function childEntries({ executionId, steps }: JournalWrite, made: ReadonlySet<string>): AuditEntry[] {
  return steps.flatMap(({ child }) => {
    // Written a second time because an answer was lost, it has its entry.
    if (!child || !made.has(child.id)) return [];
    const { id, workflowId, version, execution } = child;
    const target = {
      targetType: "execution",
      targetId: id,
      details: { workflowId, version, parentId: executionId },
    };
    return [
      { chainId: execution.workspaceId, actorId: execution.userId, action: "execution.submitted", ...target },
    ];
  });
}

/** One whose execution was broken off instead has not expired, and one that had expired has its entry. */
function expiryEntries({ executionId, steps }: JournalWrite, now: ReadonlySet<string>): AuditEntry[] {
  return steps.flatMap(({ expired, nodeId, iteration }) => {
    if (!expired || !now.has(expired.approvalId)) return [];
    const target = { targetType: "approval", targetId: expired.approvalId };
    const details = { executionId, nodeId, iteration };
    return [{ chainId: expired.workspaceId, actorId: null, action: "approval.expired", ...target, details }];
  });
}
