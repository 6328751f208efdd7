// Schedules whose workspace's queue has too little room: what fits fires, the rest stays due, nothing is lost between.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Overlap } from "../../domain/schedules/schedule.ts";
import type { DueSchedule } from "../../persistence/schedules/find-due.ts";
import type { HeldSchedule } from "../../persistence/schedules/hold-schedules.ts";
import { fitRooms, settleSlots, skipRowsOf } from "./settle-slots.ts";

const held = (overlap: Overlap, given: Partial<HeldSchedule> = {}): HeldSchedule => ({
  ...{ id: "s", workspaceId: "w", workflowId: "f", ownerId: "o", overlap, input: null, triggerNode: null },
  ...{
    editors: [],
    isArchived: false,
    ownerMayRun: true,
    version: 1,
    triggers: [],
    liveId: null,
    pending: 0,
  },
  ...given,
});
const schedule = { id: "s", workspaceId: "w", due: 1_000 } as DueSchedule;
const older = { first: 1_000, last: 2_000, slots: 2, reason: "too_late" } as const;
const plan = { fire: [3_000, 4_000, 5_000], skipped: [older], nextRunAt: 6_000 };
const settle = (overlap: Overlap, given: Partial<HeldSchedule> = {}, taken: string[] = []) =>
  settleSlots({ schedule, plan }, held(overlap, given), new Set(taken));
const fit = (overlap: Overlap, room: number, given?: Partial<HeldSchedule>) => {
  const [one] = fitRooms([settle(overlap, given)], [{ workspaceId: "w", room }]);
  const slots = one?.starts.map(({ slot }) => slot);
  const { wait, nextRunAt, isFull, cancel } = one ?? {};
  const skipped = one?.skipped.map(({ first, last, reason }) => [first, last, reason]);
  return { slots, wait, skipped, nextRunAt, isFull, cancel };
};
const told = [1_000, 2_000, "too_late"];

test("with room for all nothing changes", () => {
  const all = { wait: [], skipped: [told], nextRunAt: 6_000, isFull: false, cancel: null };
  assert.deepEqual(fit("allow", 3), { slots: [3_000, 4_000, 5_000], ...all });
});

test("the first that fit fire, and the next look begins at the first that does not", () => {
  const rest = { wait: [], skipped: [told], isFull: true, cancel: null };
  assert.deepEqual(fit("allow", 1), { slots: [3_000], nextRunAt: 4_000, ...rest });
  assert.deepEqual(fit("skip", 0), { slots: [], nextRunAt: 3_000, ...rest });
  assert.deepEqual(fit("queue", 0), { slots: [], nextRunAt: 3_000, ...rest });
  assert.deepEqual(fit("cancel", 0, { liveId: "live" }), { slots: [], nextRunAt: 3_000, ...rest });
});

test("what only waits needs no room", () => {
  const { wait, isFull, nextRunAt } = fit("queue", 0, { liveId: "live" });
  assert.deepEqual([wait, isFull, nextRunAt], [[3_000, 4_000, 5_000], false, 6_000]);
});

test("one schedule takes the room of the next in its workspace, and of no other", () => {
  const elsewhere = settleSlots({ schedule, plan }, held("allow", { workspaceId: "x" }), new Set());
  const fitted = fitRooms([settle("allow"), elsewhere, settle("allow")], [{ workspaceId: "w", room: 4 }]);
  assert.deepEqual(
    fitted.map(({ starts }) => starts.length),
    [3, 3, 1],
  );
});

test("slots that were dealt with are left out, and skips name the execution that was in the way", () => {
  const one = settle("skip", {}, ["s 3000"]);
  assert.deepEqual(
    one.starts.map(({ slot }) => slot),
    [4_000],
  );
  const [, overtaken] = skipRowsOf(one);
  assert.deepEqual(
    [overtaken?.first, overtaken?.reason, overtaken?.executionId],
    [new Date(5_000).toISOString(), "overlap", one.starts[0]?.execution.id],
  );
});
