// The months an import asks for: nobody waits behind it, what it could not do it does the next time, and rows of such a month
// that are there already move into it.
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { asAdmin } from "../support/query.ts";
import { copySample, createInstallation } from "./import-fixture.ts";

test("while somebody reads executions for long no month is waited for: who comes behind goes on, and the import is repeated afterwards", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  const [reader, worker] = [installation.adminUrl, installation.adminUrl].map(
    (connectionString) => new pg.Client({ connectionString }),
  ) as [pg.Client, pg.Client];
  for (const client of [reader, worker]) await client.connect();
  try {
    await reader.query("begin; select count(*) from workflow_executions");
    let isOver = false;
    const importing = assert
      .rejects(installation.run(folder), { code: "partitions_busy" })
      .finally(() => (isOver = true));
    // Half of what a pool of ours waits for a lock at all.
    await worker.query("set lock_timeout = '5s'");
    while (!isOver) await worker.query("update workflow_executions set status = status where false");
    await importing;
    await reader.query("commit");
    const report = await installation.run(folder);
    assert.deepEqual(report.unreadable, []);
    const { executions } = report.counts;
    assert.equal(executions.written, 4);
  } finally {
    await Promise.all([reader.end(), worker.end()]);
  }
});

test("a run of a month of the import's that lies in the default partition moves into its month", async (t) => {
  const installation = await createInstallation(t);
  const id = uuidv7({ msecs: Date.parse("2024-05-20T00:00:00Z") });
  await asAdmin(
    installation,
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id)
     values ('${id}', '${installation.workspaceId}', '${id}', 1, '${installation.userId}', '${id}')`,
  );
  const report = await installation.run(copySample(t));
  assert.deepEqual([report.unreadable, report.counts.executions.written], [[], 4]);
  const places = "select tableoid::regclass::text as place from workflow_executions where id = ";
  assert.deepEqual(await asAdmin(installation, `${places}'${id}'`), [
    { place: "workflow_executions_202405" },
  ]);
});
