// The executions of fires that people asked for, made and audited in the transaction that notes the fires.
import { AppError } from "../../domain/app-error.ts";
import type { Actor } from "../../domain/roles.ts";
import type { FireKind } from "../../domain/schedules/schedule.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import type { NewExecution } from "../../persistence/executions/insert-executions.ts";
import type { NewFire } from "../../persistence/schedules/fires-by-hand.ts";
import type { Schedule } from "../../persistence/schedules/schedules.ts";
import type { Ring } from "../../queue/execution-queue.ts";
import { commitSubmissions } from "../executions/commit-submissions.ts";
import { type BacklogGuard, queueFull } from "../executions/guard-backlogs.ts";

export type Fires = {
  schedule: Schedule;
  version: number;
  kind: FireKind;
  fires: readonly NewFire[];
  /** What the log says of the whole. */
  entry: { action: `schedule.${string}`; details: Readonly<Record<string, unknown>> };
};

/** The rings to send after the commit; nothing may follow in the transaction. Throws `queue_full`, `invalid_trigger`. */
export async function commitFires(
  tx: Executor,
  backlogs: BacklogGuard,
  actor: Actor,
  { schedule, version, kind, fires, entry }: Fires,
): Promise<Ring[]> {
  const asked = fires.map((fire) => toRow(schedule, fire, { version, kind, startedBy: actor.userId }));
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
  if (verdicts.some((verdict) => typeof verdict === "string")) {
    const detail = `The workflow no longer has the trigger node ${schedule.trigger}: change the schedule's trigger`;
    throw new AppError("invalid_trigger", detail, { problems: [{ path: "trigger", message: detail }] });
  }
  return rings;
}

function toRow(
  schedule: Schedule,
  fire: NewFire,
  { version, kind, startedBy }: { version: number; kind: FireKind; startedBy: string },
): NewExecution {
  const { id: scheduleId, ownerId, workspaceId, workflowId, input } = schedule;
  return {
    id: fire.executionId ?? "",
    userId: ownerId,
    workspaceIds: [workspaceId],
    workflowId,
    version,
    triggerType: "schedule",
    triggerNode: schedule.trigger,
    trigger: { type: "schedule", scheduleId, scheduledFor: fire.scheduledFor, kind, startedBy },
    input,
    priority: 0,
    availableAt: null,
    labels: [],
    bell: null,
    band: 0,
    watched: false,
    key: null,
    requestHash: null,
  };
}
