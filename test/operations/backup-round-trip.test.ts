// A backup of a platform at work, restored beside it: a second life that goes on from that instant.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { createAnchorSigner } from "#core/crypto/anchor-signer.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { createAnchorWriter } from "#core/services/audit/audit-anchors.ts";
import { createClient, PASSWORD, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type EchoServer, startEchoServer } from "../support/echo-server.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { asAdmin } from "../support/query.ts";
import { runScript } from "../support/run-script.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { chain, createWorkflow, submit, untilEnded } from "../support/workflows.ts";
import {
  createEmptyDatabase,
  environmentOf,
  KEYS,
  rowsIn,
  runBackup,
  runRestore,
} from "./backup-commands.ts";

const RUNS = 60;

let source: TestDatabase;
let echo: EchoServer;
let platform: Platform;
let request: Request;
let ada: Person;

before(async () => {
  [source, echo] = await Promise.all([createTestDatabase(), startEchoServer()]);
});
after(async () => {
  await platform?.close();
  await echo?.close();
  await source?.drop();
});

type Counts = { status: string; n: number };
const countExecutions = async (database: TestDatabase) =>
  new Map(
    (
      await asAdmin<Counts>(
        database,
        "select status, count(*)::int as n from workflow_executions group by status",
      )
    ).map(({ status, n }) => [status, n]),
  );

async function startAll(database: TestDatabase, anchors: string): Promise<Platform> {
  const made = await createPlatform({
    DATABASE_URL: database.databaseUrl,
    ALLOW_PRIVATE_EGRESS: echo.address,
    AUDIT_ANCHOR_DIR: anchors,
  });
  await Promise.all([made.start("api"), made.start("worker"), made.start("scheduler")]);
  return made;
}

async function addCredential(): Promise<string> {
  const body = {
    name: "key",
    type: "http.bearer",
    data: { token: "sesame-4711" },
    allowedHosts: [echo.address],
  };
  const reply = await request<{ id: string }>("POST", "/api/credentials", { token: ada.token, body });
  assert.equal(reply.status, 201, reply.text);
  return reply.body.id;
}

test("what ran while the backup was taken ends in the restored instance, and everything else is as it was", async (t) => {
  const dataDir = temporaryFolder(t);
  const anchors = path.join(dataDir, "anchors");
  mkdirSync(anchors);
  platform = await startAll(source, anchors);
  request = createClient(platform.url);
  ada = await registerPerson(request);
  const ben = await registerPerson(request);
  const data = { credentials: { auth: await addCredential() } };
  const call = { id: "call", type: "http.request", config: { method: "GET", url: echo.url }, data };
  const workflow = await createWorkflow(request, ada, chain(call));
  const waiting = await createWorkflow(
    request,
    ada,
    chain({ id: "w", type: "flow.wait", config: { ms: 3_600_000 } }),
  );
  const sleeper = await submit(request, ada, waiting);
  // What is running when the snapshot is taken stays so: nothing is answered until then.
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  echo.onRequest = () => answered;
  const ids = await Promise.all(Array.from({ length: RUNS }, () => submit(request, ada, workflow)));
  while (echo.requests.length < 10) await new Promise((resolve) => setTimeout(resolve, 10));

  const file = path.join(dataDir, "live.backup");
  const place = { databaseUrl: source.databaseUrl, dataDir, env: KEYS };
  const taken = await runBackup(place, file);
  assert.equal(taken.code, 0, taken.err);
  const checked = await runBackup(place, "--check", file);
  assert.match(checked.out, /is whole.*passphrase opens its keys/s);
  assert.deepEqual(rowsIn(checked.out), rowsIn(taken.err));
  answer();
  for (const id of ids) assert.equal((await untilEnded(request, ada, id)).status, "succeeded");
  // A chain of which the backup has nothing, though its workspace was there: nothing had happened in it yet.
  await createWorkflow(request, ben, chain());
  await signHeads(anchors);
  await platform.close();

  const target = await createEmptyDatabase(source, t);
  // Nothing is set: the keys come from the backup.
  const home = path.join(dataDir, "second");
  mkdirSync(home);
  const there = { databaseUrl: target.databaseUrl, dataDir: home, env: { AUDIT_ANCHOR_DIR: anchors } };
  const restored = await runRestore(there, file);
  assert.equal(restored.code, 0, restored.err);
  assert.match(
    restored.out,
    new RegExp(`^Workspaces .* from anchors only \\(1\\): ${ben.workspaceId}$`, "m"),
  );
  assert.deepEqual(rowsIn(restored.err), rowsIn(taken.err));
  const before = await countExecutions(target);
  assert.ok((before.get("running") ?? 0) >= 10, "runs were under way");
  assert.equal(
    [...before.values()].reduce((sum, n) => sum + n),
    RUNS + 1,
  );

  const called = echo.requests.length;
  platform = await startAll(target, anchors);
  request = createClient(platform.url);
  assert.equal((await request("GET", "/auth/me", { token: ada.token })).status, 401, "sessions are over");
  const body = { email: ada.email, password: PASSWORD };
  const reply = await request<{ accessToken: string }>("POST", "/auth/login", { body });
  assert.equal(reply.status, 200, reply.text);
  ada = { ...ada, token: reply.body.accessToken };
  for (const id of ids) assert.equal((await untilEnded(request, ada, id)).status, "succeeded");
  // Those that had not ended in the backup were sent again under their keys, with the credential that it held.
  const again = echo.requests.slice(called);
  assert.equal(again.length, RUNS - (before.get("succeeded") ?? 0));
  const first = new Set(echo.requests.slice(0, called).map(({ headers }) => headers["idempotency-key"]));
  for (const { headers } of again) {
    assert.equal(headers.authorization, "Bearer sesame-4711");
    assert.ok(first.has(headers["idempotency-key"]), "the key of the life before");
  }
  assert.equal(
    (await request<{ status: string }>("GET", `/api/executions/${sleeper}`, { token: ada.token })).body
      .status,
    "waiting",
  );

  const verifyPath = `/api/audit-logs/verify?workspaceId=${ada.workspaceId}`;
  const proof = await request<Proof>("GET", verifyPath, { token: ada.token });
  assert.equal(proof.body.ok, true, proof.text);
  const [restore] = proof.body.restores ?? [];
  assert.equal(restore?.isProven, true);
  assert.ok((restore?.lost?.upTo ?? 0) > (restore?.seq ?? 0), "entries that only anchors know of");
  const verify = await runScript("audit-verify.ts", [], { ...environmentOf(there), ...KEYS });
  assert.equal(verify.code, 0, verify.out);
  assert.match(verify.out, /begun after the backup: restored at \S+Z from the backup/);
  assert.match(verify.out, /the log was rolled back by a restore at \S+Z.* are known from anchors only/);
});

type Proof = {
  ok: boolean;
  restores?: { seq: number; isProven: boolean; lost?: { upTo: number } }[];
};

/** What the scheduler writes every 30 s, now: the heads of all that was done. */
async function signHeads(folder: string): Promise<void> {
  const database = createDatabase({
    databaseUrl: source.databaseUrl,
    role: "atelier_scheduler",
    maxConnections: 1,
  });
  const secret = Buffer.from(KEYS.ENCRYPTION_KEYS.slice("test:".length));
  const writer = createAnchorWriter({ folder, signer: () => createAnchorSigner([{ id: "test", secret }]) });
  await writer.write(database).finally(() => database.close());
}
