// A month without a partition is no reason for a scheduler not to start: not while a backup reads, nor because rows of it lie
// in the default partition.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { AppError } from "#core/domain/app-error.ts";
import { createLogger } from "#core/logger.ts";
import { findFreePort } from "../test/support/free-port.ts";
import { createPlatform, type Platform } from "../test/support/platform.ts";
import { createScheduleBed, type ScheduleBed } from "../test/support/schedule-bed.ts";
import { startMonthLoop } from "./month-loop.ts";

let bed: ScheduleBed;
let platform: Platform;
before(async () => {
  bed = await createScheduleBed();
  const port = await findFreePort();
  platform = await createPlatform({ DATABASE_URL: bed.databaseUrl, HEALTH_PORT: String(port) });
});
after(async () => {
  await platform?.close();
  await bed?.close();
});

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await condition()); await delay(50))
    assert.ok(Date.now() < deadline, what);
}

/** The last month that migrations make, taken away. */
async function forgetMonth(): Promise<{ suffix: string; middle: number }> {
  const at = new Date();
  at.setUTCMonth(at.getUTCMonth() + 12, 15);
  const suffix = at.toISOString().slice(0, 7).replace("-", "");
  await bed.admin.query(`drop table workflow_executions_${suffix}, execution_steps_${suffix}`);
  return { suffix, middle: at.getTime() };
}
const isThere = async (suffix: string) => {
  const { rows } = await bed.admin.query("select to_regclass($1) as place", [
    `workflow_executions_${suffix}`,
  ]);
  return rows[0].place !== null;
};

test("while somebody reads for long a scheduler starts and fires; its timer makes the month afterwards, with what came meanwhile", {
  timeout: 120_000,
}, async () => {
  const { suffix, middle } = await forgetMonth();
  const person = await bed.addPerson();
  const workflowId = await bed.addWorkflow(person, {
    nodes: [{ id: "start", type: "trigger.schedule" }],
    edges: [],
  });
  const reader = await bed.admin.connect();
  try {
    await reader.query("begin isolation level repeatable read read only");
    await reader.query("select count(*) from workflow_executions");
    const started = await platform.start("scheduler");
    assert.match(started.log.join(""), /partitions_busy/);
    assert.equal(await isThere(suffix), false);
    const scheduleId = await bed.addSchedule(person, workflowId);
    await until(async () => (await bed.fires(scheduleId)).length > 0, started.log.join(""));
    const { rows } = await bed.admin.query(
      "select last_error from timer_runs where name = 'maintain-partitions' and last_failure_at is not null",
    );
    assert.match(rows[0].last_error, /a backup/);
    await reader.query("commit");
  } finally {
    reader.release();
  }
  const id = uuidv7({ msecs: middle });
  await bed.addExecution({ id, root_id: id });
  await bed.admin.query("insert into pgboss.job (name) values ('maintain-partitions')");
  await until(() => isThere(suffix), "the month is not made");
  assert.equal((await bed.execution(id)).status, "queued");
  for (const each of platform.processes()) await each.kill();
});

test("with rows of a month in the default partition a scheduler starts, moves them and fires", {
  timeout: 90_000,
}, async () => {
  const { suffix, middle } = await forgetMonth();
  const id = uuidv7({ msecs: middle });
  const person = await bed.addPerson();
  await bed.addExecution({
    ...{ id, root_id: id, workspace_id: person.workspaceId, user_id: person.userId },
    ...{ status: "waiting", available_at: "infinity" },
  });
  await bed.admin.query("update timer_runs set last_success_at = null");
  const workflowId = await bed.addWorkflow(person, {
    nodes: [{ id: "start", type: "trigger.schedule" }],
    edges: [],
  });
  const scheduleId = await bed.addSchedule(person, workflowId);
  const started = await platform.start("scheduler");
  assert.equal(await isThere(suffix), true, "at its start");
  const place = "select tableoid::regclass::text as place from workflow_executions where id = $1";
  assert.equal((await bed.admin.query(place, [id])).rows[0].place, `workflow_executions_${suffix}`);
  await until(async () => (await bed.fires(scheduleId)).length > 0, started.log.join(""));
});

test("whatever the first try does the start goes on, and it is tried again until it is done", async () => {
  const outcomes: (unknown | null)[] = [
    new AppError("partitions_busy", "busy"),
    new Error("the connection is lost"),
    null,
  ];
  let tries = 0;
  const make = async () => {
    const error = outcomes[tries++];
    if (error) throw error;
  };
  const loop = await startMonthLoop(make, createLogger("scheduler", "silent"), { retryMs: 5 });
  assert.equal(tries, 1);
  await until(async () => tries === 3, "not tried again");
  await delay(50);
  assert.equal(tries, 3, "done for today");
  await loop.stop();
});
