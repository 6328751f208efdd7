// Rotation as an operator runs it: a process of its own, killed in the middle, run again, old keys thrown away.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { loadConfig } from "../../core/config.ts";
import { createAnchorSigner } from "../../core/crypto/anchor-signer.ts";
import { createEnvelope, type Envelope } from "../../core/crypto/envelope.ts";
import { createKeyring } from "../../core/crypto/keyring.ts";
import { INSTANCE_CHAIN } from "../../core/persistence/audit/audit-logs.ts";
import { createDatabase } from "../../core/persistence/database.ts";
import { createAnchorWriter } from "../../core/services/audit/audit-anchors.ts";
import { keepKeys, keysFileIn } from "../../scripts/installation/keep-keys.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { runScript } from "../support/run-script.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { runRotation, seedCredentials, startRotation } from "./rotation-command.ts";

const MANY = 4_000;

let testDatabase: TestDatabase;
let admin: pg.Client;

before(async () => {
  testDatabase = await createTestDatabase();
  admin = new pg.Client({ connectionString: testDatabase.adminUrl });
  await admin.connect();
});
after(async () => {
  await admin?.end();
  await testDatabase?.drop();
});

const envelopeOf = (file: string): Envelope => {
  const config = loadConfig("worker", { DATABASE_URL: testDatabase.databaseUrl, KEYS_FILE: file });
  return createEnvelope({ keyring: createKeyring({ keys: config.encryptionKeys }) });
};

async function openAll(envelope: Envelope): Promise<number> {
  const { rows } = await admin.query(`select id, workspace_id, name, type, key_id as "keyId",
    wrapped_key as "wrappedKey", ciphertext from credentials`);
  for (const row of rows) {
    const { id, workspace_id: workspaceId, type } = row;
    const plain = await envelope.open(row, { purpose: "credential", workspaceId, id, type });
    assert.equal(plain.toString(), `secret ${row.name.slice(1)}`);
  }
  return rows.length;
}

const keysInUse = async () =>
  (await admin.query("select key_id, count(*)::int as n from credentials group by 1 order by 1")).rows;

test("S31: a rotation killed in the middle is gone on with; then the old key can go, and everything opens", async (t) => {
  const dataDir = temporaryFolder(t);
  const file = keysFileIn(dataDir);
  keepKeys(dataDir, {}, () => {});
  await seedCredentials(admin, envelopeOf(file), MANY);

  const child = startRotation(testDatabase.databaseUrl, dataDir);
  // The first committed batch is the sign; what follows has not been written yet.
  await once(child.stdout as NonNullable<ChildProcess["stdout"]>, "data");
  for (;;) {
    const use = await keysInUse();
    if (use.some(({ key_id, n }) => key_id === "k2" && n > 0)) break;
  }
  child.kill("SIGKILL");
  await once(child, "close");
  const half = await keysInUse();
  assert.deepEqual(
    half.map((use) => use.key_id),
    ["k1", "k2"],
    "it was killed in the middle",
  );
  assert.equal(await openAll(envelopeOf(file)), MANY, "both keys are valid meanwhile");

  const refusal = await runRotation(testDatabase.databaseUrl, dataDir, "--retire");
  assert.match(refusal.out, /No key can be retired/);

  const again = await runRotation(testDatabase.databaseUrl, dataDir);
  assert.equal(again.code, 0, again.out);
  assert.deepEqual(await keysInUse(), [{ key_id: "k2", n: MANY }], "no third key was made");

  assert.match(
    (await runRotation(testDatabase.databaseUrl, dataDir, "--status")).out,
    new RegExp(`k2 \\(current\\): ${MANY} secrets\nk1: 0 secrets`),
  );
  assert.match((await runRotation(testDatabase.databaseUrl, dataDir, "--retire")).out, /Retired: k1/);
  assert.doesNotMatch(readFileSync(file, "utf8"), /k1:.*k1:/);
  assert.equal(JSON.parse(readFileSync(file, "utf8")).ENCRYPTION_KEYS.split(",").length, 1);
  assert.equal(await openAll(envelopeOf(file)), MANY);
  const { rows } = await admin.query(
    "select sum((details ->> 'records')::int)::int as n from audit_logs where chain_id = $1 and action = 'key.rotated'",
    [INSTANCE_CHAIN],
  );
  assert.equal(rows[0].n, MANY, "every batch is in the audit log, no batch twice");
});

test("a secret that does not open is named and left as it is; the rest is rotated", async (t) => {
  const dataDir = temporaryFolder(t);
  keepKeys(dataDir, {}, () => {});
  await admin.query("delete from credentials; delete from key_canaries");
  await seedCredentials(admin, envelopeOf(keysFileIn(dataDir)), 3);
  const { rows } = await admin.query(
    "update credentials set wrapped_key = set_byte(wrapped_key, 20, 0) where name = 'c1' returning id, wrapped_key",
  );
  const { code, out } = await runRotation(testDatabase.databaseUrl, dataDir);
  assert.equal(code, 2, out);
  assert.match(out, new RegExp(`does not open, left as it is: credentials ${rows[0].id}`));
  assert.deepEqual(await keysInUse(), [
    { key_id: "k1", n: 1 },
    { key_id: "k2", n: 2 },
  ]);
  const after = await admin.query("select wrapped_key from credentials where id = $1", [rows[0].id]);
  assert.deepEqual(after.rows[0].wrapped_key, rows[0].wrapped_key);
});

test("an old key is not retired before the new one vouches for the anchors it has signed", async (t) => {
  const dataDir = temporaryFolder(t);
  const file = keysFileIn(dataDir);
  keepKeys(dataDir, {}, () => {});
  await admin.query("delete from credentials; delete from key_canaries");
  const anchors = path.join(dataDir, "anchors");
  const writePass = async () => {
    const { encryptionKeys } = loadConfig("worker", {
      DATABASE_URL: testDatabase.databaseUrl,
      KEYS_FILE: file,
    });
    const writer = createAnchorWriter({ folder: anchors, signer: () => createAnchorSigner(encryptionKeys) });
    const db = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_scheduler" });
    await db.transaction({ workspaceIds: [] }, (tx) => writer.write(tx)).finally(() => db.close());
  };
  await writePass();
  assert.equal((await runRotation(testDatabase.databaseUrl, dataDir)).code, 0);
  const early = await runRotation(testDatabase.databaseUrl, dataDir, "--retire");
  assert.equal(early.code, 1);
  assert.match(early.out, /does not vouch for it yet.*try again/);
  assert.match(JSON.parse(readFileSync(file, "utf8")).ENCRYPTION_KEYS, /k1:/, "the old key is still there");
  await writePass();
  assert.match((await runRotation(testDatabase.databaseUrl, dataDir, "--retire")).out, /Retired: k1/);
});

test("second factors are rotated like credentials", async (t) => {
  const dataDir = temporaryFolder(t);
  keepKeys(dataDir, {}, () => {});
  await admin.query("delete from credentials; delete from key_canaries");
  const id = uuidv7();
  const binding = { purpose: "totp", workspaceId: "", id, type: "totp" } as const;
  const sealed = envelopeOf(keysFileIn(dataDir)).seal(Buffer.from("factor"), binding);
  await admin.query(
    `insert into users (id, email, password_hash, totp_secret, totp_key_id, totp_wrapped_key)
     values ($1, $2, '-', $3, $4, $5)`,
    [id, `${id}@x.yz`, sealed.ciphertext, sealed.keyId, sealed.wrappedKey],
  );
  assert.equal((await runRotation(testDatabase.databaseUrl, dataDir)).code, 0);
  const { rows } = await admin.query(
    `select totp_key_id as "keyId", totp_wrapped_key as "wrappedKey", totp_secret as ciphertext from users where id = $1`,
    [id],
  );
  assert.equal(rows[0].keyId, "k2");
  assert.equal((await envelopeOf(keysFileIn(dataDir)).open(rows[0], binding)).toString(), "factor");
  await admin.query("update users set totp_key_id = null where id = $1", [id]);
});

test("keys in the environment are the operator's to change: nothing is made, the first one is used", async (t) => {
  const folder = temporaryFolder(t);
  keepKeys(folder, {}, () => {});
  await admin.query("delete from credentials; delete from key_canaries");
  const file = keysFileIn(folder);
  await seedCredentials(admin, envelopeOf(file), 2);
  const old = JSON.parse(readFileSync(file, "utf8")).ENCRYPTION_KEYS;
  const env = {
    DATABASE_URL: testDatabase.databaseUrl,
    DATA_DIR: path.join(folder, "none"),
    ENCRYPTION_KEYS: `fresh:${"f".repeat(32)},${old}`,
  };
  const { code, err } = await runScript("rotate-keys.ts", [], env);
  assert.equal(code, 0, err);
  assert.deepEqual(await keysInUse(), [{ key_id: "fresh", n: 2 }]);
});

test("every column that names a key is known to the rotation", async () => {
  const { rows } = await admin.query(`
    select c.relname || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and a.attname like '%key\\_id' and not a.attisdropped order by 1`);
  // What nothing writes yet: payloads and files in clear text.
  const empty = [
    "execution_steps.input_key_id",
    "execution_steps.output_key_id",
    "files.key_id",
    "workflow_executions.input_key_id",
    "workflow_executions.output_key_id",
  ];
  const own = ["key_canaries.key_id"];
  const rotated = [
    "credentials.key_id",
    "users.totp_key_id",
    "webhooks.previous_secret_key_id",
    "webhooks.secret_key_id",
  ];
  assert.deepEqual(
    rows.map((row) => row.name),
    [...empty, ...own, ...rotated].sort(),
  );
  for (const name of empty) {
    const [table, column] = name.split(".");
    const { rows } = await admin.query(`select from ${table} where ${column} is not null limit 1`);
    assert.equal(rows.length, 0, name);
  }
});
