// Planning a backlog leaves the rest of the process its turns, whoever made it as long as it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DueSchedule } from "../../persistence/schedules/find-due.ts";
import { createBreath } from "./create-breath.ts";
import { createDuePlanner } from "./plan-due.ts";

const NOW = Date.UTC(2026, 5, 10);
const DAY = 86_400_000;

function schedule(change: Partial<DueSchedule>): DueSchedule {
  const times = { cron: "* * * * *", runAt: null, timezone: "Europe/Berlin", startAt: null, endAt: null };
  const rules = { misfire: "all", overlap: "allow", toleranceMs: 60_000, maxLatenessMs: null } as const;
  const row = { id: "s", workspaceId: "w", revision: 1, dueText: "", inputBytes: 2, now: NOW };
  return { ...times, ...rules, ...row, due: NOW - 20 * DAY, ...change };
}

/** How often others had their turn meanwhile. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let [turns, isOver] = [0, false];
  const turn = () => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await work().finally(() => {
    isOver = true;
  });
  return turns;
}

test("others have their turn while a long backlog is planned, and while many are planned ahead", async () => {
  const planner = createDuePlanner(createBreath());
  const backlog = await turnsDuring(() => planner.plan(schedule({ cron: "7-59/20 * * * * *" }), NOW));
  assert.ok(backlog > 10, String(backlog));
  const coming = Array.from({ length: 300 }, (_, n) =>
    schedule({ id: String(n), cron: `${n % 60} ${Math.floor(n / 60)} * * *`, due: NOW + DAY }),
  );
  const ahead = await turnsDuring(() => planner.prepare(coming, () => false));
  assert.ok(ahead > 5, String(ahead));
});

test("planning ahead ends when the first of them is due", async () => {
  let planned = 0;
  const planner = createDuePlanner(async () => void planned++);
  const coming = [1, 2, 3].map((n) => schedule({ id: String(n), due: NOW + 1_000 }));
  await planner.prepare(coming, () => planned === 2);
  assert.equal(planned, 2);
});

test("of each at once as many as its inputs allow, or its rule says", async () => {
  const planner = createDuePlanner(async () => {});
  const due = NOW - DAY;
  const firedOf = async (change: Partial<DueSchedule>) => {
    const { plan } = await planner.plan(schedule({ due, ...change }), NOW);
    return plan.fire.length;
  };
  assert.equal(await firedOf({}), 500);
  assert.equal(await firedOf({ inputBytes: 100_000 }), 20);
  assert.equal(await firedOf({ inputBytes: 5_000_000 }), 1);
  assert.equal(await firedOf({ overlap: "queue", inputBytes: 100_000 }), 500);
  for (const overlap of ["skip", "cancel"] as const) assert.equal(await firedOf({ overlap }), 1_441, overlap);
});
