// People and schedulers at the same schedules at once: every slot fires once or is explained once, and nothing waits for ever.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startTestApi, type TestApi } from "../../../test/support/api.ts";
import type { Person } from "../../../test/support/client.ts";
import { createScheduleBed, type ScheduleBed } from "../../../test/support/schedule-bed.ts";
import { type ScheduleCalls, scheduleCalls } from "../../../test/support/schedules.ts";
import { chain, createWorkflow } from "../../../test/support/workflows.ts";

const MINUTE = 60_000;
const SCHEDULES = 48;

let bed: ScheduleBed;
let api: TestApi;
let ada: Person;
let workflowId: string;
let calls: ScheduleCalls;

before(async () => {
  bed = await createScheduleBed();
  api = await startTestApi(bed.databaseUrl);
  ada = await api.register();
  workflowId = await createWorkflow(api.request, ada, chain());
  calls = scheduleCalls(api);
});
after(async () => {
  await api?.close();
  await bed?.close();
});

/** Due for each of the last three full minutes, all of which are to fire. */
function addDue(first: number): Promise<string> {
  const policy = { misfire: "all", tolerance_ms: 86_400_000 };
  return bed.addSchedule(ada, workflowId, { cron: "* * * * *", next_run_at: new Date(first), ...policy });
}

test("an edit, a pause or a backfill beside two schedulers doubles no slot and loses none", async () => {
  const first = Math.floor(Date.now() / MINUTE) * MINUTE - 2 * MINUTE;
  const slots = [first, first + MINUTE, first + 2 * MINUTE];
  const ids = await Promise.all(Array.from({ length: SCHEDULES }, () => addDue(first)));
  const range = { from: new Date(first).toISOString(), to: new Date(first + 2 * MINUTE).toISOString() };
  const ask = (id: string, index: number) => {
    if (index % 3 === 0) return calls.ask(ada, "PATCH", `/${id}`, { cron: "0 0 1 1 *" });
    if (index % 3 === 1) return calls.ask(ada, "PATCH", `/${id}`, { enabled: false });
    return calls.ask(ada, "POST", `/${id}/backfill`, range);
  };
  // Some before any scheduler is there and some not at all, so that both sides have their share whoever is faster.
  const [early, contested] = [ids.slice(0, 6), ids.slice(6, -6)];
  const replies = await Promise.all(early.map(ask));
  const stop = new AbortController();
  const looking = [bed.openFirer(), bed.openFirer()].map(async (firer) => {
    while (!stop.signal.aborted) {
      await firer.look(stop.signal);
      await delay(5);
    }
    return firer.stuck;
  });
  const asked = contested.map(async (id, index) => {
    await delay(index * 4);
    return ask(id, index);
  });
  for (const reply of [...replies, ...(await Promise.all(asked))]) assert.ok(reply.status < 300, reply.text);
  const isDone = async () => {
    const text = "select 1 from schedules where id = any ($1) and enabled and next_run_at <= now()";
    return (await bed.admin.query(text, [ids])).rowCount === 0;
  };
  while (!(await isDone())) await delay(20);
  stop.abort();
  assert.deepEqual((await Promise.all(looking)).flat(), []);

  const kinds = new Set<string>();
  for (const id of ids) {
    const [fires, skips] = [await bed.fires(id), await bed.skips(id)];
    for (const slot of slots) {
      const fired = fires.filter((fire) => Number(fire.scheduled_for) === slot);
      const skipped = skips.filter(
        (skip) => Number(skip.first_slot) <= slot && slot <= Number(skip.last_slot),
      );
      assert.equal(fired.length + skipped.length, 1, `${id} ${new Date(slot).toISOString()}`);
      kinds.add(String(fired[0]?.kind ?? skipped[0]?.reason));
    }
    const made =
      "select trigger ->> 'scheduledFor' as slot from workflow_executions where trigger ->> 'scheduleId' = $1";
    const runs = (await bed.admin.query<{ slot: string }>(made, [id])).rows.map((run) =>
      Date.parse(run.slot),
    );
    assert.deepEqual(
      runs.sort(),
      fires.map((fire) => Number(fire.scheduled_for)).sort(),
      "one run for each fire",
    );
  }
  assert.ok(kinds.has("slot") && kinds.size > 1, [...kinds].join(", "));
});

test("archiving, saving and running by hand at once neither dead-lock nor leave one that is on", async () => {
  for (let round = 0; round < 8; round++) {
    const doomed = await createWorkflow(api.request, ada, chain());
    const made = await calls.create(ada, { workflowId: doomed, cron: "0 0 1 1 *" });
    const replies = await Promise.all([
      calls.ask(ada, "PATCH", `/${made.id}`, { cron: "0 0 2 1 *" }),
      calls.ask(ada, "POST", `/${made.id}/trigger`),
      calls.ask(ada, "POST", "", { workflowId: doomed, cron: "0 0 1 1 *" }),
      api.request("DELETE", `/api/workflows/${doomed}`, { token: ada.token }),
      calls.ask(ada, "PATCH", `/${made.id}`, { enabled: true, name: "on" }),
      calls.ask(ada, "POST", `/${made.id}/trigger`),
    ]);
    for (const reply of replies) assert.ok([200, 201, 202, 204, 404, 409].includes(reply.status), reply.text);
    const on = "select 1 from schedules where workflow_id = $1 and (enabled or next_run_at is not null)";
    assert.equal((await bed.admin.query(on, [doomed])).rowCount, 0);
  }
});
