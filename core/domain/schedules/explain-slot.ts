// One plain sentence for every fire and every skip in a schedule's history.
import type { FireKind, FireOutcome } from "./schedule.ts";

/** `at` is when it was fired or given up; times are ISO 8601. `slots` null: too many to count. */
export type ToldSlot = {
  kind: FireKind;
  outcome: FireOutcome;
  scheduledFor: string;
  through: string | null;
  slots: number | null;
  reason: string | null;
  version: number | null;
  /** What it started, or what was in its way. */
  executionId: string | null;
  at: string;
};

/**
 * Why slots did not fire; `{slots}`, `{was}` and the like are filled in. What made them late is not known here: no scheduler, no
 * database, a queue without room.
 */
const REASONS: Readonly<Record<string, string>> = {
  missed: "{slots} {was} missed: nothing could start {them} in time, and this schedule skips what it misses.",
  replaced:
    "{slots} {was} missed: nothing could start {them} in time, and this schedule makes up for what it misses by one later slot.",
  too_late: "{slots} {was} missed: {they} could only have started later than maxLatenessMs allows.",
  too_many: "{slots} {was} missed: more than 10,000 were, and only the newest 10,000 are made up for.",
  overlap: "{slots} did not run because the execution before had not ended.",
  queue_full: "{slots} did not run because 1,000 slots of this schedule were waiting for their turn already.",
  owner_may_not_run: "{slots} did not run because the schedule's owner may not run workflows here any more.",
  workflow_archived: "{slots} did not run because the workflow has been archived.",
  no_trigger: "{slots} did not run because the workflow no longer has the trigger node it was to start at.",
  // Told once while it is stuck: it fires when it can.
  unreadable: "{slots} could not be run: the schedule's times can no longer be read; change them to go on.",
  failed: "{slots} could not be run yet because of a fault of ours; it is tried again.",
  edited: "{slots} {was} due but not yet run when the schedule's times were changed.",
  paused: "{slots} {was} due but not yet run when the schedule was paused.",
};

const GAVE_WAY = "{slots} gave way to a later one that was due at the same time and ran instead.";

/** `isPaused`: its schedule is, so that what the clock has queued rests. */
export function explainSlot(slot: ToldSlot, { isPaused }: { isPaused: boolean }): string {
  if (slot.outcome === "skipped") return explainSkip(slot);
  if (slot.outcome === "pending") {
    if (isPaused && slot.kind === "slot") {
      return `The slot of ${slot.scheduledFor} waits for its turn, and rests while the schedule is paused: it runs when that is switched on again and the execution before it has ended.`;
    }
    return `The slot of ${slot.scheduledFor} waits for its turn: it runs when the execution before it has ended.`;
  }
  const run = slot.version === null ? "Ran" : `Ran version ${slot.version}`;
  if (slot.kind === "manual") return `${run} because somebody triggered it by hand.`;
  if (slot.kind === "backfill") return `${run} for the slot of ${slot.scheduledFor} because of a backfill.`;
  return `${run} for the slot of ${slot.scheduledFor}, ${lateness(Date.parse(slot.at) - Date.parse(slot.scheduledFor))}.`;
}

function explainSkip({ scheduledFor, through, slots, reason, executionId }: ToldSlot): string {
  const range = through === null ? "" : ` from ${scheduledFor} to ${through}`;
  const isOne = through === null && slots !== null;
  const many = slots === null ? "The slots" : `${slots.toLocaleString("en-US")} slots`;
  const gaveWay = reason === "replaced" && executionId !== null;
  const sentence = gaveWay
    ? GAVE_WAY
    : (REASONS[reason ?? ""] ?? `{slots} did not run (${reason ?? "no reason was noted"}).`);
  return sentence
    .replace(
      "{slots}",
      isOne
        ? `The slot of ${scheduledFor}`
        : range === ""
          ? `${many} from ${scheduledFor} on`
          : `${many}${range}`,
    )
    .replace("{was}", isOne ? "was" : "were")
    .replace("{them}", isOne ? "it" : "them")
    .replace("{they}", isOne ? "it" : "they");
}

/** On time is what nobody would notice: less than a second. */
function lateness(ms: number): string {
  if (ms < 1_000) return "on time";
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 120) return `${seconds} s late`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min late` : `${Math.floor(minutes / 60)} h late`;
}
