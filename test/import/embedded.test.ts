import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createDatabase } from "../../core/persistence/database.ts";
import { sql } from "../../core/persistence/sql.ts";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { startEmbeddedPostgres } from "../../scripts/embedded-postgres/start-embedded-postgres.ts";
import { keepKeys } from "../../scripts/installation/keep-keys.ts";
import { lockDataDir } from "../../scripts/start/lock-data-dir.ts";
import { runScript } from "../support/run-script.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { copySample, EMAIL } from "./import-fixture.ts";

const log = () => {};

test("an embedded installation is imported into while it runs, and woken when it does not", async (t) => {
  const dataDir = temporaryFolder(t);
  const folder = copySample(t);
  const lock = lockDataDir(dataDir, log);
  keepKeys(dataDir, {}, log);
  const server = await startEmbeddedPostgres({ dataDir, fast: true, log });
  try {
    await migrateDatabase({ databaseUrl: server.databaseUrl });
    const db = createDatabase({ databaseUrl: server.databaseUrl, role: "atelier_api" });
    await db.run(sql`select identity_register(${uuidv7()}, ${EMAIL}, '', 'none', ${uuidv7()}, 'w')`);
    await db.close();
    const running = await runScript("import.ts", [folder], { DATA_DIR: dataDir });
    assert.equal(running.code, 0, running.err);
    assert.match(running.out, /executions +4 +4 +0\n/);
    assert.equal(running.err, "");
  } finally {
    await server.stop();
    lock.release();
  }
  const asleep = await runScript("import.ts", [folder], { DATA_DIR: dataDir });
  assert.equal(asleep.code, 0, asleep.err);
  assert.match(asleep.out, /executions +4 +0 +4\n/);
  assert.match(asleep.err, /database is started for this command/);
  assert.equal(existsSync(path.join(dataDir, "start.lock")), false, "the lock is released");
  assert.equal(existsSync(path.join(server.folder, "postmaster.pid")), false, "and the server stopped");
});
