// F32, F34, F30: schedulers that were away, stopped or wrong about the time. What fires is the policy's, to the slot.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { chain } from "../support/workflows.ts";
import { effect } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import {
  addSchedules,
  type DrawnSchedule,
  judgeSlots,
  readClock,
  readSkips,
  untilFired,
} from "./driver/schedules.ts";
import { FEW_PROFILES, openStage, type Stage } from "./driver/stage.ts";

const MINUTE = 60_000;
const TICKS = [1, 60, 1_440];
const POLICIES = ["skip", "once", "all"] as const;
const hook = pathToFileURL(new URL("./driver/wrong-clock.ts", import.meta.url).pathname);
const clock = (text: string) => ({ FAULT_CLOCK: text, NODE_OPTIONS: `--import=${hook}` });

async function untilClock(stage: Stage, at: number): Promise<void> {
  await delay(Math.max(0, at - (await readClock(stage))));
}

for (const { profile, skip } of FEW_PROFILES) {
  test(`F32 no scheduler over 1, 60 and 1,440 ticks, for each policy (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    await Promise.all([stage.start("api"), stage.start("worker")]);
    const workflow = await stage.addWorkflow(chain());
    // Ends in the past, so that the outage is all there is.
    const last = Math.floor((await readClock(stage)) / MINUTE) * MINUTE - 2 * MINUTE;
    const cases = TICKS.flatMap((ticks) => POLICIES.map((misfire) => ({ ticks, misfire })));
    const ids = await addSchedules(
      stage,
      workflow,
      cases.map(({ ticks, misfire }) => ({
        ...{ cron: "* * * * *", misfire, endAt: new Date(last) },
        nextRunAt: new Date(last - (ticks - 1) * MINUTE),
      })),
    );
    const wanted = cases.map(({ ticks, misfire }) => {
      const slots = Array.from({ length: ticks }, (_, index) => last - (ticks - 1 - index) * MINUTE);
      return { skip: [], once: slots.slice(-1), all: slots }[misfire];
    });
    await stage.start("scheduler");
    await untilFired(stage, wanted.flat().length);
    await delay(1_000);
    await judgeSlots(stage, new Map(ids.map((id, index) => [id, wanted[index] ?? []])));
    const skips = await readSkips(stage);
    for (const [index, { ticks, misfire }] of cases.entries()) {
      const explained = {
        skip: [`missed ${ticks}`],
        once: ticks > 1 ? [`replaced ${ticks - 1}`] : [],
        all: [],
      }[misfire];
      assert.deepEqual(skips.get(ids[index] ?? "") ?? [], explained, `${misfire} after ${ticks}`);
    }
    await judge(stage, t);
  });

  test(`F34 F30 schedulers 10 minutes fast and slow, stopped over their ticks: late, never lost nor early (${profile})`, {
    skip,
  }, async (t) => {
    const stage = await openStage({ profile }, t);
    const [, , fast, slow] = await Promise.all([
      stage.start("api"),
      stage.start("worker", clock("-600000")),
      stage.start("scheduler", clock("600000")),
      stage.start("scheduler", clock("-600000")),
    ]);
    const workflow = await stage.addWorkflow(chain(effect(stage.sink.url, "fired")));
    for (const { pid } of [fast, slow]) process.kill(pid, "SIGSTOP");
    const now = await readClock(stage);
    const first = Math.ceil((now + 500) / 5_000) * 5_000;
    const once = Array.from({ length: 60 }, (_, n) => new Date(now + 500 + n * 50));
    const window = { nextRunAt: new Date(first), startAt: new Date(first), endAt: new Date(first + 5_000) };
    const drawn: DrawnSchedule[] = [
      ...once.map((runAt) => ({ runAt, nextRunAt: runAt })),
      ...POLICIES.map((misfire) => ({ cron: "*/5 * * * * *", ...window, misfire, toleranceMs: 1_000 })),
      ...POLICIES.map((misfire) => ({ cron: "*/5 * * * * *", ...window, misfire })),
    ];
    const ids = await addSchedules(stage, workflow, drawn);
    await untilClock(stage, first + 5_000 + 1_500);
    for (const { pid } of [fast, slow]) process.kill(pid, "SIGCONT");
    const both = [first, first + 5_000];
    const wanted = [...once.map((at) => [Number(at)]), [], [first + 5_000], both, both, both, both];
    await untilFired(stage, wanted.flat().length, 20_000);
    // Up and about: on time, by PostgreSQL's clock and not by theirs.
    const then = (await readClock(stage)) + 1_000;
    const punctual = Array.from({ length: 60 }, (_, n) => new Date(then + n * 20));
    const more = await addSchedules(
      stage,
      workflow,
      punctual.map((runAt) => ({ runAt, nextRunAt: runAt, misfire: "skip" as const })),
    );
    await untilFired(stage, wanted.flat().length + punctual.length, 20_000);
    await judgeSlots(
      stage,
      new Map([...ids, ...more].map((id, n) => [id, wanted[n] ?? [Number(punctual[n - ids.length])]])),
    );
    const early = await stage.trace.query("select from schedule_fires where fired_at < scheduled_for");
    assert.equal(early.length, 0);
    const skips = await readSkips(stage);
    assert.deepEqual(skips.get(ids[60] ?? ""), ["missed 2"]);
    assert.deepEqual(skips.get(ids[61] ?? ""), ["replaced 1"]);
    assert.equal(skips.size, 2);
    await judge(stage, t);
  });
}
