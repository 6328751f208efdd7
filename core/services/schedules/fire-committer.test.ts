// Transactions that fire are bounded: one that is stopped in the middle holds nobody up for long.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createScheduleBed, type ScheduleBed } from "../../../test/support/schedule-bed.ts";
import { holdSchedules } from "../../persistence/schedules/hold-schedules.ts";
import { createExecutionQueue } from "../../queue/execution-queue.ts";
import { createBacklogGuard } from "../executions/guard-backlogs.ts";
import { createFireCommitter } from "./fire-committer.ts";

let bed: ScheduleBed;

before(async () => {
  bed = await createScheduleBed();
});
after(() => bed?.close());

test("what a stopped scheduler holds is free long before others give it up", async () => {
  const ada = await bed.addPerson();
  const id = await bed.addSchedule(ada, await bed.addWorkflow(ada));
  const { databaseUrl } = bed;
  const queue = createExecutionQueue({ kind: "postgres", databaseUrl, role: "atelier_scheduler" });
  const committer = createFireCommitter({
    ...{ database: bed.open("atelier_scheduler"), queue, backlogs: createBacklogGuard(10) },
    ...{ onRingFailed: () => {}, onStuck: () => {}, onFired: () => {} },
  });
  const [holds, goesOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stopped = committer.commit(
    [{ id, workspaceId: ada.workspaceId, due: null }],
    async (tx) => {
      await holdSchedules(tx, [id]);
      holds.resolve();
      await goesOn.promise;
      return { started: [], queued: 0, skipped: [], rings: [], full: [], next: [] };
    },
    { nameOf: (item) => item, clock: null },
  );
  await holds.promise;
  const other = await bed.admin.connect();
  // As everybody's statements are bounded.
  await other.query("set lock_timeout = '10s'");
  const { rowCount } = await other.query("select from schedules where id = $1 for update", [id]);
  assert.equal(rowCount, 1);
  other.release(true);
  goesOn.resolve();
  await assert.rejects(
    stopped,
    { code: "database_unavailable" },
    "its connection is gone, nothing is committed",
  );
  await queue.close();
});
