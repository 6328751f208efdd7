// The embedded database server: data, passwords and port outlive kills, lost files and busy ports.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { Client } from "pg";
import { processIdentity } from "../../scripts/embedded-postgres/process-identity.ts";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../scripts/embedded-postgres/start-embedded-postgres.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const isRoot = process.getuid?.() === 0;

async function query<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Starts it, and stops it after the test whatever happens. */
async function start(t: TestContext, dataDir: string, lines: string[] = []): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log: (line) => lines.push(line) });
  t.after(() => server.stop());
  return server;
}

async function startWithNote(t: TestContext, dataDir: string): Promise<EmbeddedPostgres> {
  const server = await start(t, dataDir);
  await query(server.databaseUrl, "create table note (text text); insert into note values ('kept')");
  return server;
}

const readNote = ({ databaseUrl }: EmbeddedPostgres) =>
  query<{ text: string }>(databaseUrl, "select text from note");

test("a first start gives an ordinary owner with its own database, durable and on loopback", async (t) => {
  const server = await start(t, path.join(temporaryFolder(t), "data"));
  const [facts] = await query(
    server.databaseUrl,
    `select current_database() as database, rolsuper, rolcreaterole, current_setting('fsync') as fsync,
            current_setting('synchronous_commit') as commit, current_setting('listen_addresses') as address
       from pg_roles where rolname = current_user`,
  );
  assert.deepEqual(facts, {
    database: "atelier",
    rolsuper: false,
    rolcreaterole: true,
    fsync: "on",
    commit: "on",
    address: "127.0.0.1",
  });
  const wrong = new URL(server.databaseUrl);
  wrong.password = "guessed";
  await assert.rejects(query(wrong.toString(), "select 1"), { code: "28P01" });
});

test("a restart, a kill -9 and the loss of its passwords keep port and data", async (t) => {
  const dataDir = path.join(temporaryFolder(t), "data");
  const first = await startWithNote(t, dataDir);
  await first.stop();

  const second = await start(t, dataDir);
  assert.equal(second.databaseUrl, first.databaseUrl);
  const exited = new Promise((resolve) => second.onExit(resolve));
  process.kill(second.pid, "SIGKILL");
  assert.equal(await exited, "signal SIGKILL");

  const third = await start(t, dataDir);
  assert.equal(third.port, first.port);
  assert.deepEqual(await readNote(third), [{ text: "kept" }]);
  await third.stop();

  rmSync(path.join(dataDir, "postgres.json"));
  const fourth = await start(t, dataDir);
  assert.notEqual(new URL(fourth.databaseUrl).password, new URL(first.databaseUrl).password);
  assert.deepEqual(await readNote(fourth), [{ text: "kept" }]);
});

test("a server left over by a killed starter is stopped and replaced", async (t) => {
  const dataDir = path.join(temporaryFolder(t), "data");
  const starter = spawnStarter(dataDir);
  t.after(() => starter.kill("SIGKILL"));
  const [line] = await once(starter.stdout ?? starter, "data");
  const orphan = Number(String(line).trim());
  starter.kill("SIGKILL");
  await once(starter, "exit");
  process.kill(orphan, 0); // It lives on, in a session of its own.

  const lines: string[] = [];
  const server = await start(t, dataDir, lines);
  assert.notEqual(server.pid, orphan);
  assert.match(lines.join("\n"), new RegExp(`pid ${orphan}.*left over`));
  assert.equal(processIdentity(orphan), null);
});

function spawnStarter(dataDir: string): ChildProcess {
  const module = new URL("../../scripts/embedded-postgres/start-embedded-postgres.ts", import.meta.url).href;
  const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    const { pid } = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log() {} });
    console.log(pid);`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("a pid file whose number now belongs to somebody else is no obstacle, and nobody is hurt", async (t) => {
  const dataDir = path.join(temporaryFolder(t), "data");
  const first = await startWithNote(t, dataDir);
  const pidFile = path.join(first.folder, "postmaster.pid");
  const content = readFileSync(pidFile, "utf8");
  await first.stop();
  // As the server's own user, since PostgreSQL ignores the processes of others by itself.
  const bystander = spawn("sleep", ["60"], { stdio: "ignore", ...(isRoot ? ownerOf(first.folder) : {}) });
  t.after(() => bystander.kill("SIGKILL"));
  writeFileSync(pidFile, content.replace(/^\d+/, String(bystander.pid)));

  assert.deepEqual(await readNote(await start(t, dataDir)), [{ text: "kept" }]);
  assert.equal(bystander.exitCode ?? bystander.signalCode, null);
});

function ownerOf(folder: string): { uid: number; gid: number } {
  const { uid, gid } = statSync(folder);
  return { uid, gid };
}

test("a busy port is left to its owner, and the new one is kept", async (t) => {
  const dataDir = path.join(temporaryFolder(t), "data");
  const first = await startWithNote(t, dataDir);
  await first.stop();
  const squatter = createServer().listen(first.port, "127.0.0.1");
  await once(squatter, "listening");
  t.after(() => squatter.close());

  const second = await start(t, dataDir);
  assert.notEqual(second.port, first.port);
  assert.deepEqual(await readNote(second), [{ text: "kept" }]);
  assert.equal(JSON.parse(readFileSync(path.join(dataDir, "postgres.json"), "utf8")).port, second.port);
});

test("a half-written directory is put aside when it holds no database", async (t) => {
  const dataDir = path.join(temporaryFolder(t), "data");
  mkdirSync(path.join(dataDir, "postgres", "base", "1"), { recursive: true });
  mkdirSync(path.join(dataDir, "postgres.new-1", "data"), { recursive: true });
  writeFileSync(path.join(dataDir, "postgres", "PG_VERSION"), "18\n");
  await startWithNote(t, dataDir);
  assert.deepEqual(
    readdirSync(dataDir)
      .filter((name) => /incomplete|new-/.test(name))
      .map((name) => name.replace(/\d+$/, "N")),
    ["postgres.incomplete-N"],
  );
});

test("a damaged directory with databases is refused and left as it is", async (t) => {
  const dataDir = path.join(temporaryFolder(t), "data");
  const first = await startWithNote(t, dataDir);
  await first.stop();
  const copy = path.join(dataDir, "copy");
  cpSync(path.join(first.folder, "global", "pg_control"), copy);
  rmSync(path.join(first.folder, "global", "pg_control"));
  await assert.rejects(startEmbeddedPostgres({ dataDir, log() {} }), { code: "data_dir_damaged" });

  cpSync(copy, path.join(first.folder, "global", "pg_control"));
  const { uid, gid } = ownerOf(first.folder);
  if (isRoot) chownSync(path.join(first.folder, "global", "pg_control"), uid, gid);
  assert.deepEqual(await readNote(await start(t, dataDir)), [{ text: "kept" }]);
});

test("a cluster of another PostgreSQL version is refused", async (t) => {
  const dataDir = path.join(temporaryFolder(t), "data");
  const first = await startWithNote(t, dataDir);
  await first.stop();
  writeFileSync(path.join(first.folder, "PG_VERSION"), "15\n");
  await assert.rejects(startEmbeddedPostgres({ dataDir, log() {} }), {
    code: "database_version",
    message: /written by PostgreSQL 15.*npm run backup -- FILE.*move .* away.*npm run restore -- FILE/,
  });
});

test("as root, a folder out of the server user's reach is replaced by a reachable one", {
  skip: isRoot ? false : "only root runs the server as another user",
}, async (t) => {
  const closed = temporaryFolder(t);
  chmodSync(closed, 0o700);
  const dataDir = path.join(closed, "data");
  const lines: string[] = [];
  const first = await start(t, dataDir, lines);
  t.after(() => rmSync(path.dirname(first.folder), { recursive: true, force: true }));
  assert.match(lines.join("\n"), /cannot reach/);
  assert.equal(realpathSync(path.join(dataDir, "postgres")), first.folder);
  await query(first.databaseUrl, "create table note (text text); insert into note values ('kept')");
  await first.stop();
  assert.deepEqual(await readNote(await start(t, dataDir)), [{ text: "kept" }]);
});
