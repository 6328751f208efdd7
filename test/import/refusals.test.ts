import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { test } from "node:test";
import pg from "pg";
import { createEnvelope } from "../../core/crypto/envelope.ts";
import { createKeyring } from "../../core/crypto/keyring.ts";
import { createDatabase } from "../../core/persistence/database.ts";
import { sql } from "../../core/persistence/sql.ts";
import { runImport } from "../../scripts/import/run-import.ts";
import { createTestDatabase } from "../support/database.ts";
import { runScript } from "../support/run-script.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { copySample, createInstallation, EMAIL } from "./import-fixture.ts";

test("the command imports, reports and ends with 0, with 2 when something was left out", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  const env = {
    DATABASE_URL: installation.databaseUrl,
    ENCRYPTION_KEYS: `k1:${installation.secret.toString("base64url")}`,
  };
  const dry = await runScript("import.ts", [folder, "--dry-run"], env);
  assert.equal(dry.code, 0, dry.err);
  assert.match(dry.out, /dry run: nothing was written/);
  assert.match(dry.out, /executions +4 +4 +0\n/);
  assert.equal((await installation.rows(sql`select id from workflows`)).length, 0);
  const done = await runScript("import.ts", [folder, "--email", EMAIL.toUpperCase()], env);
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /Everything was read/);
  const damaged = await runScript("import.ts", [path.join(folder, "workflows"), "--email", EMAIL], env);
  assert.equal(damaged.code, 2);
  assert.match(damaged.out, /purchase-order\.json: no file of a file-based Studio/);
  const rows = await installation.rows(sql`select id from workflows`);
  assert.equal(rows.length, 3);
});

test("wrong calls are refused with what to do", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  const keys = { ENCRYPTION_KEYS: `k1:${installation.secret.toString("base64url")}` };
  const env = { DATABASE_URL: installation.databaseUrl, ...keys };
  const nowhere = temporaryFolder(t);
  const calls: [string[], NodeJS.ProcessEnv, RegExp][] = [
    [[], env, /Usage: npm run import/],
    [[folder, "--everything"], env, /Usage: npm run import/],
    [[path.join(folder, "nothing")], env, /is no folder/],
    [[folder, "--email", "nobody@example.com"], env, /register first/],
    [[folder], { DATABASE_URL: installation.databaseUrl, DATA_DIR: nowhere }, /set ENCRYPTION_KEYS/],
    [[folder], { DATA_DIR: nowhere }, /start it \(npm start\) and register first/],
    [[folder], { DATABASE_URL: installation.databaseUrl, ENCRYPTION_KEYS: "k1:short" }, /at least 32 bytes/],
  ];
  for (const [args, environment, message] of calls) {
    const { code, err } = await runScript("import.ts", args, environment);
    assert.equal(code, 1, err);
    assert.match(err, message);
    assert.doesNotMatch(err, /^ {4}at /m, "a message, no stack");
  }
});

test("without --email it is the only admin, or nobody", async (t) => {
  const { databaseUrl, drop } = await createTestDatabase();
  const db = createDatabase({ databaseUrl, role: "atelier_api" });
  t.after(async () => {
    await db.close();
    await drop();
  });
  const envelope = createEnvelope({
    keyring: createKeyring({ keys: [{ id: "k1", secret: randomBytes(32) }] }),
  });
  const signal = new AbortController().signal;
  const run = (email: string | null) =>
    runImport({ db, envelope, folder: temporaryFolder(t), email, dryRun: false, signal });
  await assert.rejects(run(null), { code: "import_refused", message: /register first/ });
  const register = (email: string) =>
    db.run(sql`select identity_register(uuidv7(), ${email}, '', 'none', uuidv7(), 'w')`);
  await register(EMAIL);
  await register("second@example.com");
  assert.equal((await run(null)).owner.email, EMAIL, "the second is no admin");
  assert.equal((await run("second@example.com")).owner.email, "second@example.com");
});

test("several admins must say whose it is; a disabled user gets nothing", async (t) => {
  const installation = await createInstallation(t);
  await installation.register("bo@example.com");
  const folder = copySample(t);
  const asSuperuser = async (statement: string) => {
    const client = new pg.Client({ connectionString: installation.adminUrl });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await asSuperuser("update users set is_admin = true");
  await assert.rejects(installation.run(folder), { code: "import_refused", message: /--email/ });
  await asSuperuser("update users set disabled_at = now() where email = 'bo@example.com'");
  await assert.rejects(installation.run(folder, { email: "bo@example.com" }), /is disabled/);
  assert.equal(
    (await installation.run(folder)).counts.workflows.written,
    3,
    "the other admin is the only one again",
  );
});

test("another key under the same id is refused before anything is written", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  await installation.run(folder);
  const other = createEnvelope({ keyring: createKeyring({ keys: [{ id: "k1", secret: randomBytes(32) }] }) });
  const signal = new AbortController().signal;
  const attempt = runImport({
    db: installation.db,
    envelope: other,
    folder,
    email: EMAIL,
    dryRun: false,
    signal,
  });
  await assert.rejects(attempt, { code: "wrong_encryption_key", message: /ENCRYPTION_KEYS.*k1:/ });
});

test("an interrupted import stops between two files and can be taken up again", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  const { db, envelope } = installation;
  const options = { db, envelope, folder, email: EMAIL, dryRun: false };
  await assert.rejects(runImport({ ...options, signal: AbortSignal.abort() }), {
    code: "import_interrupted",
  });
  assert.equal((await installation.run(folder)).counts.workflows.written, 3);
});
