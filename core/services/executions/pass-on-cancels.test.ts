// Recovery's part of large cancels: all of it, not more than there is time for, and none stops the others'.
import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Database } from "../../persistence/database.ts";
import { passOnCancels } from "./pass-on-cancels.ts";

let bed: ExecutionBed;
let scheduler: Database;
beforeEach(async () => {
  await bed?.close();
  bed = await createExecutionBed();
  scheduler = bed.open("atelier_scheduler");
});
after(() => bed?.close());

/** One that was cancelled with so many children, of which none was reached yet. */
async function addCancelled(children: number, within?: string): Promise<string> {
  const workspaceId = within ?? (await bed.addPerson()).workspaceId;
  const id = await bed.addExecution({ workspace_id: workspaceId, status: "cancelled", finished_at: "now" });
  await bed.addChildren(id, children);
  await bed.admin.query("insert into pending_moves (execution_id, move) values ($1, 'cancel')", [id]);
  return id;
}

async function livesOf(parent: string): Promise<number> {
  const text =
    "select count(*)::int as n from workflow_executions where parent_id = $1 and status = 'waiting'";
  return (await bed.admin.query(text, [parent])).rows[0].n;
}

test("in the time there is one pass reaches all; without time each pass takes one step", async () => {
  const [one, other] = [await addCancelled(500), await addCancelled(500)];
  await passOnCancels(scheduler, { timeMs: 0 });
  assert.deepEqual([await livesOf(one), await livesOf(other)].toSorted(), [300, 500]);
  await passOnCancels(scheduler, { timeMs: Number.POSITIVE_INFINITY });
  assert.deepEqual([await livesOf(one), await livesOf(other)], [0, 0]);
});

test("one that cannot be passed on stops no other, is told and is kept", async () => {
  const bad = await addCancelled(1);
  const { workspace_id } = await bed.execution(bad);
  // More than are looked at together.
  await bed.admin.query(
    "insert into pending_moves (execution_id, move) select $1, 'cancel' from generate_series(2, 200)",
    [bad],
  );
  const good = await addCancelled(500, String(workspace_id));
  await bed.admin.query(
    `create function refuse() returns trigger language plpgsql as $$ begin raise 'not this one'; end $$;
     create trigger refuse before update on workflow_executions for each row when (old.parent_id = '${bad}')
       execute function refuse()`,
  );
  const failed = await passOnCancels(scheduler, { timeMs: Number.POSITIVE_INFINITY });
  assert.deepEqual([failed.length, /not this one/.test(String(failed[0]))], [200, true], String(failed[0]));
  assert.deepEqual([await livesOf(bad), await livesOf(good)], [1, 0]);
  await bed.admin.query("drop function refuse cascade");
  assert.deepEqual(await passOnCancels(scheduler), []);
  assert.equal(await livesOf(bad), 0);
});

test("many without descendants, of which a workspace has all, are done in one pass", async () => {
  const id = await addCancelled(0);
  await bed.admin.query(
    "insert into pending_moves (execution_id, move) select $1, 'cancel' from generate_series(1, 200)",
    [id],
  );
  await passOnCancels(scheduler, { timeMs: Number.POSITIVE_INFINITY });
  assert.equal((await bed.admin.query("select from pending_moves")).rowCount, 0);
});
