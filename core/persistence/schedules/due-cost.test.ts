// A look at the clock costs what it finds: with many idle and paused schedules and a long history it reads a handful of pages.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createScheduleBed, type ScheduleBed } from "../../../test/support/schedule-bed.ts";
import type { Executor } from "../database.ts";
import type { Sql } from "../sql.ts";
import { countOverdue, findDue } from "./find-due.ts";
import { findWaiting } from "./pending-fires.ts";

let bed: ScheduleBed;

before(async () => {
  bed = await createScheduleBed();
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  await bed.admin.query(
    `insert into schedules (id, workspace_id, workflow_id, owner_id, cron, next_run_at)
     select gen_random_uuid(), $1, $2, $3, '0 0 1 1 *', now() + n * interval '1 minute' from generate_series(1, 20000) n`,
    [ada.workspaceId, workflowId, ada.userId],
  );
  await bed.admin.query(
    `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome)
     select gen_random_uuid(), id, workspace_id, now(), 'fired' from schedules`,
  );
  // Slots of a tenth of them wait, and rest: they are paused.
  const some = "select id from schedules order by id limit 2000";
  await bed.admin.query(
    `insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, outcome)
     select gen_random_uuid(), id, workspace_id, now() - n * interval '1 hour', 'pending'
     from schedules, generate_series(1, 5) n where id in (${some})`,
  );
  await bed.admin.query(`update schedules set enabled = false where id in (${some})`);
  await bed.admin.query("vacuum analyze schedules, schedule_fires");
});
after(() => bed?.close());

/** Runs what is asked as it is, and counts the pages it reads. */
async function pagesOf(ask: (database: Executor) => Promise<unknown>): Promise<number> {
  let pages = 0;
  const explain = async ({ text, values }: Sql) => {
    const { rows } = await bed.admin.query(`explain (analyze, buffers, format json) ${text}`, values);
    const [{ Plan: plan }] = rows[0]["QUERY PLAN"];
    pages += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
    return [];
  };
  await ask({
    many: explain,
    one: (statement) => explain(statement).then(() => null),
    run: async () => 0,
  });
  return pages;
}

test("nothing is due: each look reads fewer pages than a look at every schedule would", async () => {
  const looks = {
    due: await pagesOf((database) => findDue(database, { limit: 1_000, range: { aheadMs: 1_000 } })),
    late: await pagesOf((database) => findDue(database, { limit: 1_000, range: "late" })),
    ready: await pagesOf((database) => findWaiting(database, { limit: 500 })),
    overdue: await pagesOf(countOverdue),
  };
  for (const [name, pages] of Object.entries(looks)) assert.ok(pages > 0 && pages < 12, `${name}: ${pages}`);
});
