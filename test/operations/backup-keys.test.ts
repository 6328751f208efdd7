// The keys in a backup, and those a restore takes, open every secret in it: keys of before a rotation do not.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import { loadConfig } from "#core/config.ts";
import { createEnvelope, type Envelope } from "#core/crypto/envelope.ts";
import { checkKeyCanary } from "#core/crypto/key-canary.ts";
import { createKeyring } from "#core/crypto/keyring.ts";
import { createKeyCanaries } from "#core/persistence/credentials/key-canaries.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { takeBackup } from "#core/services/backup/take-backup.ts";
import { connectOwner } from "../../scripts/installation/owner-client.ts";
import { seedCredentials } from "../keys/rotation-command.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { createEmptyDatabase, PASSPHRASE, runBackup, runRestore } from "./backup-commands.ts";

const [K1, K2, K3] = ["k1", "k2", "k3"].map((id, at) => `${id}:${"abc".charAt(at).repeat(43)}`) as [
  string,
  string,
  string,
];
const JWT_SECRETS = `j:${"j".repeat(43)}`;

let source: TestDatabase;
let folder: string;

/** Everything is under k2; k1 has wrapped things once, and has its canary still. */
before(async (t) => {
  source = await createTestDatabase();
  folder = temporaryFolder(t as { after(callback: () => void): void });
  const database = createDatabase({
    databaseUrl: source.databaseUrl,
    role: "atelier_api",
    maxConnections: 1,
  });
  for (const keys of [K1, `${K2},${K1}`]) await checkKeyCanary(createKeyCanaries(database), envelopeOf(keys));
  await database.close();
  const admin = new pg.Client({ connectionString: source.adminUrl });
  await admin.connect();
  await seedCredentials(admin, envelopeOf(K2), 2);
  await admin.end();
});
after(() => source?.drop());

function envelopeOf(text: string): Envelope {
  const env = { DATABASE_URL: source.databaseUrl, ENCRYPTION_KEYS: text };
  return createEnvelope({ keyring: createKeyring({ keys: loadConfig("worker", env).encryptionKeys }) });
}

const place = (database: TestDatabase, ENCRYPTION_KEYS: string, dataDir = folder) => ({
  databaseUrl: database.databaseUrl,
  dataDir,
  env: ENCRYPTION_KEYS ? { ENCRYPTION_KEYS, JWT_SECRETS } : {},
});

type Row = { id: string; workspaceId: string; keyId: string; wrappedKey: Buffer; ciphertext: Buffer };

async function openAll(database: TestDatabase, text: string): Promise<string[]> {
  const rows = await asAdmin<Row>(
    database,
    `select id, workspace_id "workspaceId", key_id "keyId", wrapped_key "wrappedKey", ciphertext
     from credentials order by name`,
  );
  const envelope = envelopeOf(text);
  return Promise.all(
    rows.map(async ({ id, workspaceId, ...sealed }) => {
      const binding = { purpose: "credential", workspaceId, id, type: "http.bearer" } as const;
      return (await envelope.open(sealed, binding)).toString();
    }),
  );
}

test("a backup is refused with keys of before a rotation, and with another secret under a known id", async () => {
  const refuse = async (name: string, keys: string, text: RegExp) => {
    const file = path.join(folder, name);
    const { code, err } = await runBackup(place(source, keys), file);
    assert.deepEqual([code, text.test(err)], [1, true], err);
    assert.equal(existsSync(file), false);
  };
  await refuse("old", K1, /encrypted with k2, which is not among ENCRYPTION_KEYS \(k1\)/);
  await refuse("mixed", `${K2.replace("k2", "k1")},${K2}`, /another secret under the key id "k1"/);
  await refuse("bent", `${K1},${K1.replace("k1", "k2")}`, /another secret under the key id "k2"/);
  // The retired key need not be there.
  const taken = await runBackup(place(source, K2), path.join(folder, "retired"));
  assert.equal(taken.code, 0, taken.err);
});

test("a restore where keys of before are set says that the backup has better ones; with its own every secret opens", async (t) => {
  const file = path.join(folder, "good");
  assert.equal((await runBackup(place(source, `${K2},${K1}`), file)).code, 0);
  const target = await createEmptyDatabase(source, t);
  const set = await runRestore(place(target, K1), file);
  assert.equal(set.code, 1, set.err);
  assert.match(
    set.err,
    /the keys it carries do\. Restore again without ENCRYPTION_KEYS and JWT_SECRETS set.*k2/,
  );
  const accepted = await runRestore(place(target, K1), file, "--accept-lost-keys");
  assert.deepEqual([accepted.code, /the keys it carries do/.test(accepted.err)], [1, true], accepted.err);
  const [left] = await asAdmin<{ n: number }>(
    target,
    "select count(*)::int as n from pg_class where relnamespace = 'public'::regnamespace",
  );
  assert.equal(left?.n, 0, "the database is empty again");
  const home = path.join(folder, "home");
  mkdirSync(home);
  const kept = path.join(home, "keys.json");
  writeFileSync(kept, JSON.stringify({ JWT_SECRETS, ENCRYPTION_KEYS: K1 }), { mode: 0o600 });
  const beside = await runRestore(place(target, "", home), file);
  assert.deepEqual([beside.code, beside.err.includes(`with ${kept} moved away`)], [1, true], beside.err);
  writeFileSync(kept, JSON.stringify({ JWT_SECRETS, ENCRYPTION_KEYS: `${K3},${K2}` }));
  const restored = await runRestore(place(target, "", home), file);
  assert.equal(restored.code, 0, restored.err);
  assert.deepEqual(await openAll(target, `${K3},${K2}`), ["secret 0", "secret 1"]);
});

test("a rotation between the keys' first reading and the snapshot: the keys of the snapshot go in", async () => {
  const home = path.join(folder, "rotated");
  mkdirSync(home);
  const file = path.join(home, "kept.backup");
  const client = await connectOwner(source.databaseUrl, "test");
  let used: readonly string[] = [];
  await takeBackup({
    client,
    file,
    version: "0",
    secrets: {
      passphrase: PASSPHRASE,
      async keysFor(known) {
        const [row] = (await client.query("select current_user as name, pg_current_snapshot()")).rows;
        assert.equal(row.name, "atelier_backup", "asked inside the snapshot");
        used = known.used;
        return { JWT_SECRETS, ENCRYPTION_KEYS: K2 };
      },
    },
  });
  await client.end();
  assert.deepEqual(used, ["k2"]);
  const { err, code } = await runBackup(place(source, K2), "--check", file);
  assert.equal(code, 0, err);
});

test("who has lost a key says so: the backup is taken and restored, and tells what will not open", async (t) => {
  const file = path.join(folder, "lost");
  const taken = await runBackup(place(source, K1), file, "--accept-lost-keys");
  assert.equal(taken.code, 0, taken.err);
  assert.match(taken.err, /^Accepted, though those secrets will not open: .*k2/m);
  const target = await createEmptyDatabase(source, t);
  const home = path.join(folder, "lost-home");
  mkdirSync(home);
  const refused = await runRestore(place(target, "", home), file);
  assert.deepEqual([refused.code, /encrypted with k2/.test(refused.err)], [1, true], refused.err);
  assert.equal(existsSync(path.join(home, "keys.json")), false);
  const restored = await runRestore(place(target, "", home), file, "--accept-lost-keys");
  assert.equal(restored.code, 0, restored.err);
  assert.match(readFileSync(path.join(home, "keys.json"), "utf8"), /k1:/);
});

test("what is accepted is the smaller loss, and never keys that the database does not know", async (t) => {
  const file = path.join(folder, "partly");
  const admin = new pg.Client({ connectionString: source.adminUrl });
  await admin.connect();
  await seedCredentials(admin, envelopeOf(K1), 1);
  await admin.end();
  const strangers = await runBackup(place(source, K3), file, "--accept-lost-keys");
  assert.deepEqual([strangers.code, /none of ENCRYPTION_KEYS is one/.test(strangers.err)], [1, true]);
  assert.equal((await runBackup(place(source, `${K2},${K1}`), file)).code, 0);
  const target = await createEmptyDatabase(source, t);
  const set = await runRestore(place(target, K1), file, "--accept-lost-keys");
  assert.deepEqual([set.code, /the keys it carries do/.test(set.err)], [1, true], set.err);
  const lost = path.join(folder, "both-lost");
  for (const [carried, own, verdict] of [
    [K2, `${K3}`, 1],
    [K2, K1, 0],
  ] as const) {
    rmSync(lost, { force: true });
    assert.equal((await runBackup(place(source, carried), lost, "--accept-lost-keys")).code, 0);
    const { code, err } = await runRestore(place(target, own), lost, "--accept-lost-keys");
    assert.deepEqual([code, /open more of it/.test(err)], [verdict, verdict === 1], err);
  }
});
