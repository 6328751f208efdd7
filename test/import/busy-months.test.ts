// An import beside a backup: nobody waits behind the months it asks for, and what it could not do it does the next time.
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
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
