// F31: three schedulers over slots that are all due at once; one dies at a point of the list, one is stopped in the middle.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { CrashPoint } from "../../../core/domain/crash-points.ts";
import {
  addSchedules,
  countFired,
  type DrawnSchedule,
  judgeSlots,
  readClock,
  untilFired,
} from "./schedules.ts";
import type { Stage } from "./stage.ts";

const DAY = 86_400_000;
const PATIENCE_MS = 60_000;
/** PostgreSQL ends a transaction that has been idle for 5 s, with what it holds; the other scheduler then takes its turn. */
const HELD_MS = 35_000;

export type Crowd = {
  workflow: string;
  /** Half of them of schedules with one slot each, the others ten to a schedule: a multiple of 20. */
  slots: number;
  point: CrashPoint;
  stoppedMs: number;
};

/** Throws unless every slot has fired once. Returns how many ms it took until all had. */
export async function crowdSchedulers(stage: Stage, crowd: Crowd): Promise<number> {
  const [doomed, stopped] = await Promise.all([
    stage.start("scheduler", { CRASH_AT: `${crowd.point}:1` }),
    stage.start("scheduler"),
    stage.start("scheduler"),
  ]);
  const { drawn, slots } = await draw(stage, crowd.slots);
  const begun = performance.now();
  const ids = await addSchedules(stage, crowd.workflow, drawn);
  await untilFired(stage, 1);
  process.kill(stopped.pid, "SIGSTOP");
  const died = await Promise.race([doomed.ended.then(() => true), delay(PATIENCE_MS, false, { ref: false })]);
  assert.ok(died, `nobody passed ${crowd.point}: ${doomed.log.join("").slice(-2_000)}`);
  await delay(crowd.stoppedMs);
  if (crowd.stoppedMs > HELD_MS)
    assert.equal(await countFired(stage), crowd.slots, "nobody waits for it for ever");
  process.kill(stopped.pid, "SIGCONT");
  await untilFired(stage, crowd.slots, 120_000);
  const took = performance.now() - begun;
  // The one that was stopped in the middle of its work looks again.
  await delay(1_500);
  await judgeSlots(stage, new Map(ids.map((id, index) => [id, slots[index] ?? []])));
  const [left] = await stage.trace.query<{ due: number }>(
    "select count(*)::int due from schedules where next_run_at < now()",
  );
  assert.equal(left?.due, 0, "every schedule has gone on to its next slot");
  return took;
}

/** Slots that were due half a day ago, and on the days before; none comes due while the scenario runs. */
async function draw(stage: Stage, count: number): Promise<{ drawn: DrawnSchedule[]; slots: number[][] }> {
  const now = await readClock(stage);
  const hour = (new Date(now).getUTCHours() + 12) % 24;
  const last = Math.floor((now - hour * 3_600_000) / DAY) * DAY + hour * 3_600_000;
  const cron = `0 ${hour} * * *`;
  const single = Array.from(
    { length: count / 2 },
    (): DrawnSchedule => ({ cron, nextRunAt: new Date(last) }),
  );
  const many = Array.from(
    { length: count / 20 },
    (): DrawnSchedule => ({ cron, nextRunAt: new Date(last - 9 * DAY), misfire: "all" }),
  );
  const tenDays = Array.from({ length: 10 }, (_, day) => last - (9 - day) * DAY);
  return { drawn: [...single, ...many], slots: [...single.map(() => [last]), ...many.map(() => tenDays)] };
}
