// Takes a pending erasure of a person further, each step a transaction: killed at any point, the next one goes on.
import { setTimeout as delay } from "node:timers/promises";
import { type AuditEntry, appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import { DETAILS_ERASED } from "../../persistence/audit/verify-audit-erasures.ts";
import type { Database, Principals } from "../../persistence/database.ts";
import { type ErasureStep, takeErasureStep } from "../../persistence/erasure/erasure-steps.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { workspaceDeleted } from "./delete-workspace.ts";

/** 2,000 entries: what an entry that lists them all holds is below 80 KB, and a step ends within a second. */
const BATCH = 2_000;
/**
 * Between two looks at whether others have done their part: twice as long each time. A look may hold all writers of the
 * log up for 2 s, so the next one lets them go on for at least half of that.
 */
const LOOK_MS = 50;
const MAX_LOOK_MS = 1_000;

/** `holdMs`: how long a scheduler leaves it alone afterwards. */
export type StepOptions = { batch?: number; holdMs?: number };

/** One step with its entries in the log, in the name of who asked for the erasure. */
export function stepErasure(
  database: Database,
  principals: Principals,
  id: string,
  { batch = BATCH, holdMs = 0 }: StepOptions = {},
): Promise<ErasureStep> {
  return database.transaction(principals, async (tx) => {
    const taken = await takeErasureStep(tx, id, { limit: batch, holdMs });
    await announceIdentityChange(tx, taken.memberIds);
    await appendAudit(tx, entriesOf(taken));
    return taken;
  });
}

/**
 * Steps until the end, or until `turnMs` have passed: then the scheduler goes on. The last step is `done` or
 * `finished` only when nothing is left to do.
 */
export async function takeErasureTurn(
  database: Database,
  principals: Principals,
  id: string,
  { turnMs, ...options }: StepOptions & { turnMs: number },
): Promise<ErasureStep & { isDone: boolean }> {
  const until = performance.now() + turnMs;
  for (let pause = LOOK_MS; ; ) {
    const taken = await stepErasure(database, principals, id, options);
    const isDone = taken.step === "done" || taken.step === "finished";
    if (isDone || performance.now() > until) return { ...taken, isDone };
    const isHeldUp = taken.step === "waiting" || taken.step === "busy";
    if (isHeldUp) await delay(pause);
    pause = isHeldUp ? Math.min(pause * 2, MAX_LOOK_MS) : LOOK_MS;
  }
}

function entriesOf(taken: ErasureStep): AuditEntry[] {
  const { userId, askedBy, chainId, erasedEntries, hidden, shared, erased, step } = taken;
  const about = { actorId: askedBy, targetType: "user", targetId: userId };
  const entries: AuditEntry[] = [
    ...hidden.flatMap((id) => workspaceDeleted(askedBy, id, { erasedUserId: userId })),
    ...shared.map((id) => ({ ...about, chainId: id, action: "member.erased" })),
    ...Object.entries(erased).map(([chain, ids]) => ({
      ...about,
      chainId: chain,
      action: DETAILS_ERASED,
      details: { entries: ids },
    })),
  ];
  if (step === "done") {
    const details = { erasedEntries };
    entries.push(
      chainId === null
        ? { ...about, chainId: INSTANCE_CHAIN, action: "user.erased", details }
        : { ...about, chainId, action: "member.erasure_finished", details },
    );
  }
  return entries;
}
