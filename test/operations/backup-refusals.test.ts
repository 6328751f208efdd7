// What is wrong with a backup or its place is said before anything is touched, and nothing is left half done.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { BackupHeader } from "#core/domain/backup-format.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { checkBackup } from "#core/services/backup/check-backup.ts";
import { checkFoundations } from "#core/services/check-foundations.ts";
import { listMigrations, migrateDatabase } from "../../migrations/migrate.ts";
import { connectOwner } from "../../scripts/installation/owner-client.ts";
import { fillDatabase } from "../../scripts/restore/fill-database.ts";
import { childEnvironment } from "../support/child-environment.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { startScript } from "../support/run-script.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  createEmptyDatabase,
  environmentOf,
  KEYS,
  PASSPHRASE,
  runBackup,
  runRestore,
} from "./backup-commands.ts";
import { refuseWorkOn } from "./refuse-work.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

let source: TestDatabase;
let folder: string;
let file: string;
let bytes: Buffer;

before(async (t) => {
  source = await createTestDatabase();
  folder = temporaryFolder(t as { after(callback: () => void): void });
  file = path.join(folder, "good.backup");
  await asAdmin(
    source,
    `insert into users (id, email, password_hash, name)
     select gen_random_uuid(), 'p' || n || '@example.com', '-', repeat(md5(n::text), 20) from generate_series(1, 5000) n`,
  );
  const taken = await runBackup(place(source), file);
  assert.equal(taken.code, 0, taken.err);
  bytes = readFileSync(file);
});
after(() => source?.drop());

const place = (database: TestDatabase) => ({ databaseUrl: database.databaseUrl, dataDir: folder, env: KEYS });
const write = (name: string, content: Buffer): string => {
  const made = path.join(folder, name);
  writeFileSync(made, content);
  return made;
};
/** Where a text of the file's begins. */
const find = (text: string) => bytes.indexOf(text);

test("damage of every kind is found, with the passphrase and without", async () => {
  await checkBackup(file, null);
  const flip = (at: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  const users = find('{"name":"users"');
  const places = {
    name: 3,
    headerLength: 19,
    header: find('"takenAt"') + 12,
    tableName: bytes.indexOf('{"name":"workers"', users) + 10,
    dataLength: users + 200,
    middle: users + Math.floor((bytes.length - users) / 2),
    rows: bytes.lastIndexOf('"rows":') + 7,
    end: bytes.lastIndexOf('"sha256"') + 12,
  };
  for (const [name, at] of Object.entries(places)) {
    const damaged = write(`flipped-${name}`, flip(at));
    await assert.rejects(checkBackup(damaged, null), hasCode("backup_damaged", "no_backup"), name);
  }
  // Every 4999th byte, whatever it means.
  for (let at = 0; at < bytes.length - 150; at += 4_999) {
    await assert.rejects(
      checkBackup(write("flipped", flip(at)), null),
      hasCode("backup_damaged", "no_backup"),
      `${at}`,
    );
  }
  for (const length of [0, 5, 17, 20, 500, bytes.length / 2, bytes.length - 100, bytes.length - 1]) {
    const cut = write("cut", bytes.subarray(0, Math.floor(length)));
    await assert.rejects(checkBackup(cut, null), hasCode("backup_damaged"), `cut at ${length}`);
  }
  await assert.rejects(
    checkBackup(write("longer", Buffer.concat([bytes, Buffer.of(0)])), null),
    /follows its end/,
  );
  await assert.rejects(checkBackup(write("other", Buffer.alloc(9_000, "x")), null), hasCode("no_backup"));
  await assert.rejects(
    checkBackup(
      write("format", Buffer.from(bytes.toString("latin1").replace("BACKUP 1", "BACKUP 2"), "latin1")),
      null,
    ),
    /format 2 of a newer Atelier/,
  );
  await assert.rejects(checkBackup(path.join(folder, "absent"), null), hasCode("backup_unreadable"));
});

test("who changes a backup with care, hashes and all, is found by the passphrase", async () => {
  // The same backup with the hash of its end made anew: whole, but signed by nobody.
  const { header, end } = await checkBackup(file, PASSPHRASE);
  const forged = write(
    "forged",
    Buffer.from(bytes.toString("latin1").replace(end.signature ?? "-", "0".repeat(64)), "latin1"),
  );
  assert.equal((await checkBackup(forged, null)).header.backupId, header.backupId);
  await assert.rejects(checkBackup(forged, PASSPHRASE), hasCode("backup_changed"));
  await assert.rejects(checkBackup(file, "another lantern altogether"), hasCode("wrong_passphrase"));
});

test("a backup stripped of its keys and its signature, whole otherwise, is believed only by who says so", async (t) => {
  const stripped = write(
    "stripped",
    rewrite((header) => ({ ...header, keys: null })),
  );
  assert.equal((await checkBackup(stripped, null)).end.signature, undefined);
  await assert.rejects(checkBackup(stripped, PASSPHRASE), hasCode("backup_unsigned"));
  const checked = await runBackup(place(source), "--check", stripped);
  assert.deepEqual([checked.code, /nobody changed it/.test(checked.err)], [1, true], checked.err);
  assert.equal((await runBackup(place(source), "--check", stripped, "--without-keys")).code, 0);
  // Its keys kept and its signature gone is no better.
  await assert.rejects(
    checkBackup(
      write(
        "unsigned",
        rewrite((header) => header),
      ),
      PASSPHRASE,
    ),
    hasCode("backup_changed"),
  );
  const target = await createEmptyDatabase(source, t);
  // Said before anybody is asked for a passphrase.
  const { code, err } = await runRestore(
    { ...place(target), env: { ...KEYS, BACKUP_PASSPHRASE: "" } },
    stripped,
  );
  assert.deepEqual([code, /restore with --without-passphrase/.test(err)], [1, true], err);
  assert.equal((await asAdmin<{ n: number }>(target, COUNT_TABLES))[0]?.n, 0);
  // Put in the place of the good one between the check and the restore.
  const client = await connectOwner(target.databaseUrl, "test");
  t.after(() => client.end());
  const { sha256 } = (await checkBackup(file, PASSPHRASE)).end;
  const options = { client, databaseUrl: target.databaseUrl, sha256, log: () => {} };
  await assert.rejects(fillDatabase({ ...options, file: stripped }), hasCode("backup_changed"));
  await client.query("rollback");
  assert.equal((await asAdmin<{ n: number }>(target, "select count(*)::int as n from users"))[0]?.n, 0);
});

test("what a file says of its key's making is bounded, before anything is derived", async () => {
  const ask = (more: object) =>
    write(
      "greedy",
      rewrite((header) => {
        assert.ok(header.keys);
        return { ...header, keys: { ...header.keys, salt: { ...header.keys.salt, ...more } } };
      }),
    );
  await checkBackup(ask({ n: 262_144, p: 2 }), null);
  for (const more of [{ n: 1_048_576 }, { r: 40 }, { p: 5 }, { n: 131_073 }, { n: 1_024 }, { r: 0 }]) {
    await assert.rejects(checkBackup(ask(more), null), hasCode("backup_damaged"), JSON.stringify(more));
  }
});

test("a restore refuses in words, and the database stays as it was", async (t) => {
  const target = await createEmptyDatabase(source, t);
  const refuse = async (
    text: RegExp,
    where: TestDatabase,
    from: string,
    env: Record<string, string> = {},
  ) => {
    const { code, err } = await runRestore({ ...place(where), env: { ...KEYS, ...env } }, from);
    assert.equal(code, 1, err);
    assert.match(err, text);
  };
  await refuse(/passphrase is not the one/, target, file, {
    BACKUP_PASSPHRASE: "another lantern altogether",
  });
  await refuse(/is damaged.*\(at byte/, target, write("cut", bytes.subarray(0, bytes.length - 3_000)));
  await refuse(/empty database only, and this one holds table public\.api_keys/, source, file);
  const strangers = { ENCRYPTION_KEYS: `k9:${"z".repeat(43)}` };
  const [tables] = await asAdmin<{ n: number }>(target, COUNT_TABLES);
  assert.equal(tables?.n, 0);
  // No canary is in this backup: every key is as good as another.
  const newer = writeNewer();
  await refuse(/migrations this one does not have: 9999_later/, target, newer, strangers);
  assert.equal((await asAdmin<{ n: number }>(target, COUNT_TABLES))[0]?.n, 0);
});

const COUNT_TABLES = `select count(*)::int as n from pg_class where relnamespace = 'public'::regnamespace`;

/** It is refused before the rest is looked at. */
const writeNewer = () =>
  write(
    "newer",
    rewrite((header) => ({ ...header, migrations: [...header.migrations, "9999_later"] })),
  );

/** The backup with another header and all that vouches for it made anew, but for the signature: nobody can. */
function rewrite(change: (header: BackupHeader) => BackupHeader): Buffer {
  const length = bytes.readUInt32BE(18);
  const header = change(JSON.parse(bytes.toString("utf8", 22, 22 + length)));
  const rest = bytes.subarray(22 + length, bytes.lastIndexOf("Z\0\0"));
  const whole = Buffer.concat([bytes.subarray(0, 17), frame("H", header), rest]);
  const { signature: _, ...end } = JSON.parse(bytes.toString("utf8", bytes.lastIndexOf('{"tables"')));
  const sha256 = createHash("sha256").update(whole).digest("hex");
  return Buffer.concat([whole, frame("Z", { ...end, sha256 })]);
}

function frame(kind: string, content: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(content));
  const head = Buffer.from(`${kind}1234`);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

test("a backup refuses what would make it worthless, and leaves no file", async () => {
  const refuse = async (text: RegExp, name: string, env: Record<string, string>, ...more: string[]) => {
    const { code, err } = await runBackup(
      { ...place(source), env: { ...KEYS, ...env } },
      path.join(folder, name),
      ...more,
    );
    assert.equal(code, 1, err);
    assert.match(err, text);
  };
  await refuse(/needs 12 characters/, "weak", { BACKUP_PASSPHRASE: "short" });
  await refuse(/needs 12 characters/, "weak", { BACKUP_PASSPHRASE: "aaaaaaaaaaaaaaaa" });
  await refuse(/set BACKUP_PASSPHRASE/, "weak", { BACKUP_PASSPHRASE: "" });
  await refuse(/has JWT_SECRETS and ENCRYPTION_KEYS.*--without-keys/s, "weak", {
    JWT_SECRETS: "",
    ENCRYPTION_KEYS: "",
  });
  await refuse(/is there already/, "good.backup", {});
  assert.ok(readFileSync(file).equals(bytes));
  await refuse(/cannot be written/, "no/such/folder", {});
  assert.deepEqual(
    readdirSync(folder).filter((name) => /weak|unfinished/.test(name)),
    [],
  );
  const without = path.join(folder, "without");
  const taken = await runBackup(
    { ...place(source), env: { BACKUP_PASSPHRASE: "" } },
    without,
    "--without-keys",
  );
  assert.equal(taken.code, 0, taken.err);
  assert.match(taken.out, /keys are not in it/);
  assert.equal((await checkBackup(without, null)).keys, null);
  await assert.rejects(checkBackup(without, PASSPHRASE), hasCode("backup_unsigned"));
  assert.doesNotMatch(readFileSync(file, "latin1"), /0123456789abcdef0123456789abcdef/);
});

test("a disk that is full is said by name, and leaves nothing behind", async () => {
  const full = path.join(folder, "full.backup");
  // The system gives a file no more than so many blocks; a write is cut short, the next one refused.
  const command = `ulimit -f 64; exec "$0" scripts/backup.ts "$1"`;
  const env = { ...childEnvironment(), ...environmentOf(place(source)) };
  const failed = await promisify(execFile)("sh", ["-c", command, process.execPath, full], {
    cwd: ROOT,
    env,
  }).then(
    () => null,
    (error: Error & { code: number; stderr: string }) => error,
  );
  assert.equal(failed?.code, 1, failed?.stderr);
  assert.match(failed?.stderr ?? "", /no room for the backup at .*full\.backup; nothing was left behind/);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("full")),
    [],
  );
});

test("a restore that is killed leaves a mark that nothing starts on, and the next one begins anew", async (t) => {
  const target = await createEmptyDatabase(source, t);
  await asAdmin(target, "create function public.of_the_host() returns int language sql return 1");
  await asAdmin(target, "create procedure public.of_the_host_too() language sql as 'select 1'");
  const child = startScript("restore.ts", [file], environmentOf(place(target)));
  let said = "";
  child.stderr.on("data", (chunk) => (said += chunk));
  const closed = new Promise((resolve) => child.once("close", resolve));
  while (!/^api_keys: /m.test(said)) await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill("SIGKILL");
  await closed;
  assert.doesNotMatch(said, /^workspaces: /m, "killed in the middle");
  const database = createDatabase({
    databaseUrl: target.databaseUrl,
    role: "atelier_api",
    maxConnections: 1,
  });
  t.after(() => database.close());
  await assert.rejects(checkFoundations(database, []), hasCode("half_restored"));
  await assert.rejects(migrateDatabase(target), hasCode("half_restored"));
  await refuseWorkOn(place(target), path.join(folder, "nightly.backup"));
  const lost = { ...place(target), env: { ...KEYS, BACKUP_PASSPHRASE: "" } };
  assert.match((await runRestore(lost, file)).err, /set BACKUP_PASSPHRASE/);
  const again = await runRestore(lost, "--without-passphrase", file);
  assert.equal(again.code, 0, again.err);
  assert.match(again.err, /An earlier restore was broken off/);
  await asAdmin(target, "select of_the_host()");
  await checkFoundations(database, []);
  await migrateDatabase(target);
  const [row] = await asAdmin<{ n: number }>(target, "select count(*)::int as n from users");
  assert.equal(row?.n, 5_000);
});

test("what a killed restore of the release before left, whose mark names no functions, is cleared away too", async (t) => {
  const target = await createEmptyDatabase(source, t);
  await asAdmin(
    target,
    `create table half_restored (backup_id uuid not null, begun_at timestamptz not null default now());
     insert into half_restored values (gen_random_uuid());
     create table left_over (); create function left_over_too() returns int language sql return 1;
     alter table half_restored owner to atelier; alter table left_over owner to atelier;
     alter function left_over_too owner to atelier`,
  );
  const again = await runRestore(place(target), file);
  assert.equal(again.code, 0, again.err);
  const [row] = await asAdmin<{ left: string | null }>(
    target,
    "select concat(to_regclass('half_restored'), to_regclass('left_over'), to_regproc('left_over_too')) as left",
  );
  assert.equal(row?.left, "");
});

test("rows that break a foreign key are refused by its name", async (t) => {
  const broken = await createTestDatabase(t);
  await asAdmin(
    broken,
    `set session_replication_role = replica;
     insert into refresh_tokens (token_hash, session_id) values ('\\x00', gen_random_uuid())`,
  );
  const copy = path.join(folder, "broken.backup");
  assert.equal((await runBackup(place(broken), copy)).code, 0);
  const target = await createEmptyDatabase(source, t);
  const { code, err } = await runRestore(place(target), copy);
  assert.equal(code, 1);
  assert.match(err, /break the foreign key refresh_tokens_session_id_fkey/);
  assert.equal((await asAdmin<{ n: number }>(target, COUNT_TABLES))[0]?.n, 0);
});

test("a backup of an older schema is brought to the present one", async (t) => {
  const older = await createEmptyDatabase(source, t);
  const known = await listMigrations();
  const upTo = "0054_backup_role";
  await migrateDatabase({ databaseUrl: older.databaseUrl, restoring: { upTo } });
  const applied = await asAdmin<{ name: string }>(older, "select name from schema_migrations order by id");
  assert.deepEqual(
    applied.map(({ name }) => name),
    known.slice(0, known.indexOf(upTo) + 1),
  );
  await assert.rejects(
    migrateDatabase({ databaseUrl: older.databaseUrl, restoring: { upTo: "0000_never" } }),
    hasCode("unknown_migration"),
  );
});

function hasCode(...codes: string[]) {
  return (error: unknown) => {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    assert.ok(codes.includes(code), `${code}: ${error}`);
    return true;
  };
}
