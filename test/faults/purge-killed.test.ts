// A scheduler killed in the middle of a purge: the next one goes on, and nothing of the workspace is left.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createEraseBed, type EraseBed } from "../security/erase-bed.ts";
import { createPlatform, type Platform } from "../support/platform.ts";

const EXECUTIONS = 15_000;

let bed: EraseBed;
let platform: Platform;

before(async () => {
  bed = await createEraseBed();
  platform = await createPlatform({ DATABASE_URL: bed.testDatabase.databaseUrl });
});
after(async () => {
  await platform?.close();
  await bed?.close();
});

test("a purge survives kill -9 in the middle, twice", { timeout: 180_000 }, async () => {
  const workspaceId = uuidv7();
  const owner = await bed.api.register();
  await bed.addWorkspace(workspaceId, owner, "big");
  await bed.query(
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id, status)
     select id, $1, $2, 1, $3, id, case when n % 3 = 0 then 'queued' else 'succeeded' end
     from (select n, gen_random_uuid() id from generate_series(1, ${EXECUTIONS}) n) e`,
    [workspaceId, uuidv7(), owner.userId],
  );
  await bed.query(
    `insert into execution_steps (execution_id, node_id, workspace_id, node_type, status, seq, fence)
     select id, 'start', workspace_id, 'trigger.manual', 'succeeded', 1, 1 from workflow_executions`,
  );
  const left = async () => {
    const [row] = await bed.query<{ n: number }>("select count(*)::int n from workflow_executions");
    return row?.n ?? 0;
  };
  const confirm = { confirm: "big" };
  assert.equal((await bed.call(owner, "DELETE", `/api/workspaces/${workspaceId}`, confirm)).status, 202);
  assert.equal(await left(), EXECUTIONS);
  for (const below of [EXECUTIONS, EXECUTIONS / 2]) {
    const scheduler = await platform.start("scheduler");
    while ((await left()) >= below) await delay(10);
    await scheduler.kill();
    assert.ok((await left()) > 0, "it was killed in the middle");
  }
  await platform.start("scheduler");
  while ((await bed.query("select 1 from workspaces where id = $1", [workspaceId])).length > 0)
    await delay(50);
  assert.equal(await left(), 0);
  assert.deepEqual(await bed.query("select 1 from execution_steps"), []);
  assert.deepEqual(await bed.brokenChains(), []);
});
