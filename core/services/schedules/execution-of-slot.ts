// The execution that a slot of a schedule starts, and why there may be none.
import type { FireKind } from "../../domain/schedules/schedule.ts";
import { writeInstant } from "../../domain/schedules/write-instant.ts";
import type { NewExecution } from "../../persistence/executions/insert-executions.ts";
import type { HeldSchedule } from "../../persistence/schedules/hold-schedules.ts";

/** What keeps every slot of it from firing, as it stands in its history; null: nothing. */
export function whyBarred(schedule: HeldSchedule): string | null {
  if (schedule.isArchived) return "workflow_archived";
  if (!schedule.ownerMayRun) return "owner_may_not_run";
  const { triggerNode, triggers } = schedule;
  return triggerNode === null || triggers.some(({ id }) => id === triggerNode) ? null : "no_trigger";
}

export type SlotToStart = {
  /** Of the execution. */
  id: string;
  slot: number;
  kind: FireKind;
  /** null: the clock. */
  askedBy?: string | null;
};

/** In its owner's name, on the workflow's current version. */
export function executionOfSlot(
  schedule: HeldSchedule,
  { id, slot, kind, askedBy = null }: SlotToStart,
): NewExecution {
  return {
    id,
    userId: schedule.ownerId,
    peopleBehind: schedule.editors,
    workspaceIds: [schedule.workspaceId],
    workflowId: schedule.workflowId,
    version: schedule.version,
    triggerType: "schedule",
    triggerNode: startOf(schedule),
    trigger: {
      type: "schedule",
      scheduleId: schedule.id,
      scheduledFor: writeInstant(slot),
      kind,
      ...(askedBy !== null && { startedBy: askedBy }),
    },
    input: schedule.input,
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

/** The node it names, else the version's only trigger.schedule; null: the default. */
function startOf({ triggerNode, triggers }: HeldSchedule): string | null {
  if (triggerNode !== null) return triggerNode;
  const own = triggers.filter(({ type }) => type === "trigger.schedule");
  return own.length === 1 ? (own[0]?.id ?? null) : null;
}
