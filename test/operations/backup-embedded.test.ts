// An embedded installation goes through a backup into a new DATA_DIR: the way over a new major version of PostgreSQL.
import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createAnchorSigner } from "#core/crypto/anchor-signer.ts";
import { createEnvelope } from "#core/crypto/envelope.ts";
import { checkKeyCanary } from "#core/crypto/key-canary.ts";
import { createKeyring } from "#core/crypto/keyring.ts";
import { appendAudit, INSTANCE_CHAIN } from "#core/persistence/audit/audit-logs.ts";
import { createKeyCanaries } from "#core/persistence/credentials/key-canaries.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { sql } from "#core/persistence/sql.ts";
import { createAnchorWriter } from "#core/services/audit/audit-anchors.ts";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { startEmbeddedPostgres } from "../../scripts/embedded-postgres/start-embedded-postgres.ts";
import { keepKeys, keysFileIn } from "../../scripts/installation/keep-keys.ts";
import { lockDataDir } from "../../scripts/start/lock-data-dir.ts";
import { runScript } from "../support/run-script.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { rowsIn, runBackup, runRestore } from "./backup-commands.ts";

const log = () => {};

test("a sleeping and a running embedded installation are backed up, and restored into a new DATA_DIR with their keys", async (t) => {
  const root = temporaryFolder(t);
  const [dataDir, second] = ["first", "second"].map((name) => {
    const folder = path.join(root, name);
    mkdirSync(folder);
    chmodSync(folder, 0o711);
    return folder;
  }) as [string, string];
  const lock = lockDataDir(dataDir, log);
  const { ENCRYPTION_KEYS } = keepKeys(dataDir, {}, log);
  const server = await startEmbeddedPostgres({ dataDir, fast: true, log });
  const running = path.join(root, "running.backup");
  try {
    await migrateDatabase({ databaseUrl: server.databaseUrl, log });
    const database = createDatabase({ databaseUrl: server.databaseUrl, role: "atelier_api" });
    await database.run(
      sql`select identity_register(${uuidv7()}, 'ada@example.com', '', 'none', ${uuidv7()}, 'w')`,
    );
    const secret = Buffer.from(ENCRYPTION_KEYS.split(":")[1] ?? "", "base64url");
    const keyring = createKeyring({ keys: [{ id: "k1", secret }] });
    await checkKeyCanary(createKeyCanaries(database), createEnvelope({ keyring }));
    await database.close();
    await signHeads(server.databaseUrl, path.join(dataDir, "anchors"), secret);
    const taken = await runBackup({ dataDir }, running);
    assert.equal(taken.code, 0, taken.err);
    const inUse = await runRestore({ dataDir }, running);
    assert.match(inUse.err, /Another Atelier .* is running on/);
  } finally {
    await server.stop();
    lock.release();
  }
  const asleep = path.join(root, "asleep.backup");
  const taken = await runBackup({ dataDir }, asleep);
  assert.equal(taken.code, 0, taken.err);
  assert.match(taken.err, /database is started for this command/);
  assert.equal(rowsIn(taken.err).get("users"), 1);
  const occupied = await runRestore({ dataDir }, asleep);
  assert.match(occupied.err, /empty database only/);
  const wrong = await runBackup(
    { dataDir, env: { ENCRYPTION_KEYS: `k1:${"z".repeat(43)}`, JWT_SECRETS: "a:b" } },
    `${asleep}2`,
  );
  assert.match(wrong.err, /encrypted with other keys/, "a backup with keys that open nothing");

  // As docs/operations.md has it: what proves the tail of the log goes along by hand.
  cpSync(path.join(dataDir, "anchors"), path.join(second, "anchors"), { recursive: true });
  const restored = await runRestore({ dataDir: second }, asleep);
  assert.equal(restored.code, 0, restored.err);
  assert.deepEqual(rowsIn(restored.err), rowsIn(taken.err));
  assert.deepEqual(
    JSON.parse(readFileSync(keysFileIn(second), "utf8")),
    JSON.parse(readFileSync(keysFileIn(dataDir), "utf8")),
  );
  assert.equal(statSync(keysFileIn(second)).mode & 0o777, 0o600);
  assert.equal(existsSync(path.join(second, "start.lock")), false);
  const people = await runScript("admin.ts", ["list"], { DATA_DIR: second });
  assert.match(people.out, /ada@example.com/);
  const verified = await runScript("audit-verify.ts", [], { DATA_DIR: second });
  assert.equal(verified.code, 0, verified.out);
  assert.match(verified.out, /restored at .* from the backup/);
  assert.match(verified.out, /^ok {3}instance .* [1-9]\d* anchors/m);
});

async function signHeads(databaseUrl: string, folder: string, secret: Buffer): Promise<void> {
  mkdirSync(folder);
  const database = createDatabase({ databaseUrl, role: "atelier_scheduler", maxConnections: 1 });
  await database.transaction({ workspaceIds: [] }, (tx) =>
    appendAudit(tx, [
      { chainId: INSTANCE_CHAIN, actorId: null, action: "key.rotated", targetType: "key", targetId: "k1" },
    ]),
  );
  const writer = createAnchorWriter({ folder, signer: () => createAnchorSigner([{ id: "k1", secret }]) });
  await writer.write(database).finally(() => database.close());
}
