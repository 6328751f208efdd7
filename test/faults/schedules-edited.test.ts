// F33: schedules edited in the very moment at which they are due. A slot fires once, or is told of, or was never due.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chain } from "../support/workflows.ts";
import { judge } from "./driver/judge.ts";
import { addSchedules, type DrawnSchedule, readClock } from "./driver/schedules.ts";
import { FEW_PROFILES, openStage, type Stage } from "./driver/stage.ts";

const EACH = 50;
/** Edits go out from so many ms before the slot to so many after it; the api takes its time on top. */
const [BEFORE_MS, AFTER_MS] = [700, 200];

type Outcome = {
  id: string;
  fired: number;
  told: number;
  next: Date | null;
  editedAt: Date;
  revision: number;
};

async function edit(stage: Stage, id: string, body: Record<string, unknown>): Promise<void> {
  const { token } = await stage.person();
  const reply = await stage.request("PATCH", `/api/schedules/${id}`, { token, body });
  assert.equal(reply.status, 200, reply.text);
}

/** What became of one slot of each schedule. */
function readOutcomes({ trace }: Stage, slot: number): Promise<Outcome[]> {
  return trace.query<Outcome>(
    `select s.id, s.next_run_at next, s.updated_at "editedAt", s.revision,
       (select count(*)::int from schedule_fires f where f.schedule_id = s.id and f.scheduled_for = $1) fired,
       (select count(*)::int from schedule_skips k
         where k.schedule_id = s.id and $1::timestamptz between k.first_slot and k.last_slot) told
     from schedules s`,
    [new Date(slot)],
  );
}

for (const { profile, skip } of FEW_PROFILES) {
  test(`F33 ${2 * EACH} schedules edited while they are due (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    await Promise.all([
      stage.start("api"),
      stage.start("worker"),
      stage.start("scheduler"),
      stage.start("scheduler"),
    ]);
    const workflow = await stage.addWorkflow(chain());
    const slot = Math.ceil(((await readClock(stage)) + 1_500) / 5_000) * 5_000;
    const at = new Date(slot);
    const [hour, minute, second] = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()];
    // Some go to another time, the others keep the slot and have others after it.
    const drawn = Array.from(
      { length: 2 * EACH },
      (): DrawnSchedule => ({ cron: `${second} ${minute} ${hour} * * *`, nextRunAt: at }),
    );
    const ids = await addSchedules(stage, workflow, drawn);
    const later = new Date(slot + 86_400_000).toISOString();
    const [away, kept] = [{ runAt: later }, { cron: `${second} ${minute} * * * *` }];
    const start = slot - BEFORE_MS - (await readClock(stage));
    const edits = ids.map(async (id, n) => {
      await delay(start + ((n % EACH) * (BEFORE_MS + AFTER_MS)) / EACH);
      await edit(stage, id, n < EACH ? away : kept);
    });
    await Promise.all(edits);
    await delay(1_500);

    const outcomes = new Map((await readOutcomes(stage, slot)).map((outcome) => [outcome.id, outcome]));
    const counts = { fired: 0, told: 0, neither: 0 };
    for (const [n, id] of ids.entries()) {
      const { fired, told, next, editedAt, revision } = outcomes.get(id) ?? assert.fail(`${id} is gone`);
      assert.ok(fired + told <= 1, `${id}: fired ${fired} times, and skipped ${told} times`);
      assert.equal(revision, 2);
      if (n < EACH) assert.equal(next?.toISOString(), later);
      else assert.equal(fired + told, 1, `${id}: the slot that both timetables have is lost`);
      if (fired + told === 0)
        assert.ok(Number(editedAt) < slot, `${id}: it was due, and nothing tells of it`);
      counts[fired ? "fired" : told ? "told" : "neither"]++;
    }
    t.diagnostic(JSON.stringify({ scenario: t.name, ...counts }));
    const fires = await stage.trace.query<{ id: string }>("select execution_id id from schedule_fires");
    for (const { id } of fires) stage.accepted.add(id);
    await judge(stage, t);
  });
}
