// Schedules with real processes: a cron and a one-off fire and succeed, and one killed before its bells loses nothing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { createWorkflow, untilEnded } from "../support/workflows.ts";

let database: TestDatabase;
let platform: Platform;
let request: Request;
let ada: Person;
let admin: pg.Client;
let workflowId: string;

const graph = {
  nodes: [
    { id: "byHand", type: "trigger.manual" },
    { id: "byTheClock", type: "trigger.schedule" },
    {
      id: "when",
      type: "data.transform",
      data: { config: { value: { at: "{{ trigger.scheduledFor }}", city: "{{ input.city }}" } } },
    },
  ],
  edges: [{ source: "byTheClock", target: "when" }],
};

before(async () => {
  database = await createTestDatabase();
  platform = await createPlatform({ DATABASE_URL: database.databaseUrl });
  await Promise.all([platform.start("api"), platform.start("worker"), platform.start("scheduler")]);
  request = createClient(platform.url);
  ada = await registerPerson(request);
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  workflowId = await createWorkflow(request, ada, graph);
});

after(async () => {
  await admin?.end();
  await platform?.close();
  await database?.drop();
});

/** Written past the API: what is tested here is the clock. */
async function addSchedule(columns: { cron?: string; runAt?: Date; next: Date }): Promise<string> {
  const id = uuidv7();
  await admin.query(
    `insert into schedules (id, workspace_id, workflow_id, owner_id, cron, run_at, next_run_at, input)
     select $1, w.workspace_id, w.id, w.owner_id, $3, $4, $5, '{"city": "Ulm"}' from workflows w where w.id = $2`,
    [id, workflowId, columns.cron, columns.runAt, columns.next],
  );
  return id;
}

type Fire = { scheduled_for: Date; execution_id: string; outcome: string; fired_at: Date };

async function untilFired(id: string, count: number): Promise<Fire[]> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await delay(50)) {
    const { rows } = await admin.query<Fire>(
      "select * from schedule_fires where schedule_id = $1 order by scheduled_for",
      [id],
    );
    if (rows.length >= count) return rows;
  }
  throw new Error(
    `${count} slots have not fired\n${platform.processes().flatMap((process) => process.log.slice(-5))}`,
  );
}

test("every five seconds: each slot once, in their grid, run to the end with its own instant", async () => {
  const next = new Date(Math.ceil(Date.now() / 5_000) * 5_000);
  const id = await addSchedule({ cron: "*/5 * * * * *", next });
  const fires = (await untilFired(id, 3)).slice(0, 3);
  assert.deepEqual(
    fires.map((fire) => Number(fire.scheduled_for) - Number(next)),
    [0, 5_000, 10_000],
  );
  await admin.query("update schedules set enabled = false, revision = revision + 1 where id = $1", [id]);
  for (const fire of fires) {
    assert.ok(Number(fire.fired_at) >= Number(fire.scheduled_for));
    const ended = await untilEnded(request, ada, fire.execution_id);
    assert.deepEqual(
      [ended.status, ended.output],
      ["succeeded", { at: fire.scheduled_for.toISOString(), city: "Ulm" }],
    );
  }
});

test("a one-off fires and succeeds; what started it can be read", async () => {
  const at = new Date(Date.now() + 1_000);
  const id = await addSchedule({ runAt: at, next: at });
  const [fire] = await untilFired(id, 1);
  const ended = await untilEnded(request, ada, fire?.execution_id ?? "");
  assert.equal(ended.status, "succeeded");
  const { trigger } = ended as unknown as { trigger: Record<string, unknown> };
  assert.deepEqual(
    { ...trigger, node: null },
    { type: "schedule", node: null, scheduleId: id, scheduledFor: at.toISOString(), kind: "slot" },
  );
  assert.equal(trigger.node, "byTheClock");
});

test("killed before or after the commit of a fire: it fires once, and runs", async () => {
  for (const point of ["scheduler.before_fire_commit", "scheduler.after_fire_commit"]) {
    for (const process of platform.processes()) if (process.role === "scheduler") await process.kill();
    const victim = await platform.start("scheduler", {
      NODE_ENV: "test",
      CRASH_AT: `${point}:1`,
    });
    const at = new Date();
    const id = await addSchedule({ runAt: at, next: at });
    await victim.ended;
    const left = await admin.query("select from schedule_fires where schedule_id = $1", [id]);
    assert.equal(left.rowCount, point === "scheduler.after_fire_commit" ? 1 : 0, point);
    await platform.start("scheduler");
    const [fire, ...more] = await untilFired(id, 1);
    assert.equal(more.length, 0);
    assert.equal((await untilEnded(request, ada, fire?.execution_id ?? "")).status, "succeeded", point);
    const { rowCount } = await admin.query(
      "select from workflow_executions where trigger ->> 'scheduleId' = $1",
      [id],
    );
    assert.equal(rowCount, 1, point);
  }
});

test("a scheduler that starts with other time zone data moves the slots that are still to come", async () => {
  const newYear = Date.UTC(new Date().getUTCFullYear() + 1, 0);
  const id = await addSchedule({ cron: "0 0 1 1 *", next: new Date(newYear) });
  await admin.query("update schedules set timezone = 'Etc/GMT-1' where id = $1", [id]);
  await platform.start("scheduler");
  const text = "select next_run_at from schedules where id = $1";
  const moved = async () =>
    Number((await admin.query(text, [id])).rows[0].next_run_at) === newYear - 3_600_000;
  for (const until = Date.now() + 30_000; !(await moved()); await delay(100)) {
    assert.ok(Date.now() < until, "it has not moved");
  }
});
