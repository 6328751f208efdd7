// The executions of fires that people asked for, made and audited in the transaction that notes the fires.
import { AppError } from "../../domain/app-error.ts";
import type { Actor } from "../../domain/roles.ts";
import type { FireKind } from "../../domain/schedules/schedule.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import type { NewFire } from "../../persistence/schedules/fires-by-hand.ts";
import type { HeldSchedule } from "../../persistence/schedules/hold-schedules.ts";
import type { Ring } from "../../queue/execution-queue.ts";
import { commitSubmissions } from "../executions/commit-submissions.ts";
import { type BacklogGuard, queueFull } from "../executions/guard-backlogs.ts";
import { executionOfSlot } from "./execution-of-slot.ts";

export const ownerMayNotRun = (): AppError =>
  new AppError(
    "owner_may_not_run",
    "The schedule runs in its owner's name, who may not run workflows here any more: create it anew",
  );

export type Fires = {
  schedule: HeldSchedule;
  kind: FireKind;
  fires: readonly NewFire[];
  /** What the log says of the whole. */
  entry: { action: `schedule.${string}`; details: Readonly<Record<string, unknown>> };
};

/** The rings to send after the commit; nothing may follow in the transaction. Throws `queue_full`, `owner_may_not_run`. */
export async function commitFires(
  tx: Executor,
  backlogs: BacklogGuard,
  actor: Actor,
  { schedule, kind, fires, entry }: Fires,
): Promise<Ring[]> {
  const asked = fires.map(({ executionId, scheduledFor }) =>
    executionOfSlot(schedule, {
      ...{ id: executionId ?? "", slot: Date.parse(scheduledFor) },
      ...{ kind, askedBy: actor.userId },
    }),
  );
  const slots = new Map(fires.map((fire) => [fire.executionId, fire.scheduledFor]));
  const append: typeof appendAudit = (executor, entries, options) =>
    appendAudit(
      executor,
      [
        ...entries.map(({ targetId, details, ...rest }) => {
          const scheduledFor = slots.get(targetId);
          const told = {
            ...(details as object),
            scheduleId: schedule.id,
            scheduledFor,
            ownerId: schedule.ownerId,
          };
          return { ...rest, targetId, actorId: actor.userId, details: told };
        }),
        {
          ...{ chainId: schedule.workspaceId, actorId: actor.userId, ...entry },
          ...{ targetType: "schedule", targetId: schedule.id },
        },
      ],
      options,
    );
  const { rows, ...known } = await backlogs.look(tx, asked);
  const { verdicts, rings } = await commitSubmissions(tx, rows, append, known);
  if (verdicts.includes("full")) throw queueFull();
  if (verdicts.some((verdict) => typeof verdict === "string")) throw ownerMayNotRun();
  return rings;
}
