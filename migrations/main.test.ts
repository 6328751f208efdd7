// `node migrations/main.ts` on a server that has never seen Atelier: what says so before, what it tells meanwhile.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { checkDatabase } from "#core/persistence/check-database.ts";
import { createDatabase } from "#core/persistence/database.ts";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../scripts/embedded-postgres/start-embedded-postgres.ts";
import { childEnvironment } from "../test/support/child-environment.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const names = readdirSync(new URL("./sql", import.meta.url)).map((file) => path.basename(file, ".sql"));

let dataDir: string;
let server: EmbeddedPostgres;

// A server of its own: roles belong to the whole server, and the shared one has them.
before(async () => {
  dataDir = mkdtempSync(path.join(tmpdir(), "atelier-migrate-"));
  chmodSync(dataDir, 0o711); // As root the server is another user, who has to pass through.
  server = await startEmbeddedPostgres({ dataDir, fast: true, log: () => {} });
});
after(async () => {
  await server?.stop();
  for (const folder of [server?.folder, dataDir])
    if (folder) rmSync(folder, { recursive: true, force: true });
});

type Line = { level: string; msg: string; migration?: string; reason?: string; code?: string };

function migrate(databaseUrl: string): Promise<{ exitCode: number; lines: Line[] }> {
  return new Promise((resolve) => {
    const env = { ...childEnvironment(), DATABASE_URL: databaseUrl };
    execFile(process.execPath, [MAIN], { env }, (error, stdout) => {
      const lines = stdout.trim().split("\n");
      resolve({ exitCode: error ? 1 : 0, lines: lines.map((line) => JSON.parse(line)) });
    });
  });
}

/** How a role's start fails on `databaseUrl`, or null. */
async function check(databaseUrl: string): Promise<{ code?: string; message?: string } | null> {
  const database = createDatabase({ databaseUrl, role: "atelier_api", maxConnections: 1 });
  return checkDatabase(database)
    .then(() => null)
    .catch((error: Error) => error)
    .finally(() => database.close());
}

function assertSaysWhatToDo(refusal: { code?: string; message?: string } | null): void {
  assert.equal(refusal?.code, "pending_migrations", refusal?.message);
  assert.match(refusal?.message ?? "", /node migrations\/main\.ts/);
}

test("before: a role says what to do", async () => {
  assertSaysWhatToDo(await check(server.databaseUrl));
});

test("before: a role that logs in itself, where the server asks for no password, says the same", async () => {
  const file = path.join(server.folder, "pg_hba.conf");
  const rules = readFileSync(file, "utf8");
  writeFileSync(file, `host all atelier_worker 127.0.0.1/32 trust\n${rules}`);
  const admin = new Client({ connectionString: server.adminUrl });
  await admin.connect();
  await admin.query("select pg_reload_conf()");
  await admin.end();
  const own = new URL(server.databaseUrl);
  own.username = "atelier_worker";
  // With a password PostgreSQL does not tell a missing role from a wrong password, on purpose.
  let refusal = await check(own.toString());
  for (let tries = 0; refusal?.code === "28P01" && tries < 100; tries += 1) {
    await setTimeout(50);
    refusal = await check(own.toString());
  }
  assertSaysWhatToDo(refusal);
});

test("the run names every migration it applies, a second one none", async () => {
  const first = await migrate(server.databaseUrl);
  assert.equal(first.exitCode, 0);
  assert.ok(names.length >= 8);
  assert.ok(first.lines.every(({ level }) => level === "info"));
  assert.deepEqual(
    first.lines.flatMap(({ migration }) => migration ?? []),
    names.sort(),
  );
  assert.equal(await check(server.databaseUrl), null);
  const second = await migrate(server.databaseUrl);
  assert.deepEqual(
    second.lines.map(({ msg }) => msg),
    ["the database is up to date"],
  );
});

test("a failure is one line that says why", async () => {
  const refused = await migrate("postgresql://u:p@db.example.net/d");
  assert.deepEqual(
    [refused.exitCode, refused.lines.length, refused.lines[0]?.code],
    [1, 1, "invalid_config"],
  );
  const absent = await migrate("postgresql://u:p@127.0.0.1:1/d");
  assert.deepEqual([absent.exitCode, absent.lines.length, absent.lines[0]?.code], [1, 1, "ECONNREFUSED"]);
});
