// The end of an approval's time: what people have said until then is asked for, not assumed.
import type { ApprovalAnswer } from "#core/domain/approval.ts";
import type { StepRecord } from "#core/domain/journal.ts";
import type { RunContext } from "./run-context.ts";
import { sleepUnlessAborted } from "./sleep.ts";

/** The worker's clock may run ahead of the database's by so little. */
const AGAIN_MS = 20;

type Pending = Omit<StepRecord, "seq">;

/**
 * For a step whose time has come: as it was, or, where it waits for people, with their answer, `expired` included. A word
 * that came in the last moment is not passed over: once the database says that the time is over nobody can decide any
 * more, and whoever just did has committed.
 */
export async function settleApproval(context: RunContext, record: Pending): Promise<Pending> {
  const approvalId = record.state?.approvalId;
  if (approvalId === undefined) return record;
  // Its row is made with the step.
  await context.journal.flush();
  for (;;) {
    const answer = await context.approvals.settle(approvalId);
    if (answer) {
      const settled = { ...record, state: { ...record.state, answer } };
      const { workspaceId } = context.execution;
      return answer.decision === "expired" ? { ...settled, expired: { approvalId, workspaceId } } : settled;
    }
    await sleepUnlessAborted(AGAIN_MS, context.signal);
  }
}

/** Whether people were asked and have not decided in time. */
export function isExpired({ state }: Pending): boolean {
  return (
    state?.approvalId !== undefined && (state.answer as ApprovalAnswer | undefined)?.decision === "expired"
  );
}
