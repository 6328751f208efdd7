// The export of a workspace: complete, without secrets, for its owners only, and it needs little memory.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createClient, PASSWORD, type Person } from "../support/client.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { readZip } from "../support/read-zip.ts";
import { createEraseBed, type EraseBed } from "./erase-bed.ts";
import { residentMb } from "./resident-memory.ts";
import { seedTenant, type Tenant } from "./seed-tenant.ts";

type Manifest = {
  workspaceId: string;
  entries: { path: string; bytes: number; sha256: string; lines?: number }[];
};

let bed: EraseBed;
let platform: Platform;
let owner: Person;
let editor: Person;
let full: Tenant;

before(async () => {
  bed = await createEraseBed();
  platform = await createPlatform({ DATABASE_URL: bed.testDatabase.databaseUrl });
  owner = await bed.api.register();
  editor = await bed.api.register();
  const client = new pg.Client({ connectionString: bed.testDatabase.adminUrl });
  await client.connect();
  full = await seedTenant(client, "full");
  await client.query("set session_replication_role = replica");
  await client.query("delete from audit_logs where chain_id = $1", [full.workspaceId]);
  await client.query("update files set completed_at = now(), size = 10 where workspace_id = $1", [
    full.workspaceId,
  ]);
  await client.end();
  await bed.addMember(full.workspaceId, owner, "owner");
  await bed.addMember(full.workspaceId, editor, "editor");
});
after(async () => {
  await platform?.close();
  await bed?.close();
});

const path = (workspaceId: string) => `/api/workspaces/${workspaceId}/export`;
const get = (person: Person, workspaceId: string, url = bed.api.url, signal?: AbortSignal) =>
  fetch(url + path(workspaceId), {
    headers: { authorization: `Bearer ${person.token}` },
    ...(signal && { signal }),
  });

async function unpack(reply: Response) {
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.get("content-type"), "application/zip");
  const entries = readZip(Buffer.from(await reply.arrayBuffer()));
  const manifest = JSON.parse(String(entries.get("manifest.json"))) as Manifest;
  const lines = (name: string) =>
    String(entries.get(name))
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return { entries, manifest, lines };
}

test("an export holds a line for every row, the bytes of the files, the log with its head, and a true manifest", async () => {
  const { entries, manifest, lines } = await unpack(await get(owner, full.workspaceId));
  assert.equal([...entries.keys()].at(-1), "manifest.json");
  assert.deepEqual(
    manifest.entries.map((entry) => entry.path),
    [...entries.keys()].slice(0, -1),
  );
  for (const { path: name, bytes, sha256 } of manifest.entries) {
    const content = entries.get(name) ?? Buffer.alloc(0);
    assert.equal(content.length, bytes, name);
    assert.equal(createHash("sha256").update(content).digest("hex"), sha256, name);
  }
  const counts = Object.fromEntries(manifest.entries.map((entry) => [entry.path, entry.lines]));
  assert.equal(counts["members.ndjson"], 3);
  assert.equal(counts["executions.ndjson"], 2);
  for (const name of [
    "workflows",
    "workflow-versions",
    "execution-steps",
    "schedules",
    "webhooks",
    "credentials",
    "approvals",
    "files",
    "invitations",
  ]) {
    assert.equal(counts[`${name}.ndjson`], 1, name);
  }
  const stored = await bed.query<{ bytes: Buffer }>("select bytes from file_chunks where workspace_id = $1", [
    full.workspaceId,
  ]);
  assert.deepEqual(entries.get(`files/${full.ids.file}`), stored[0]?.bytes);
  const head = JSON.parse(String(entries.get("audit-head.json")));
  const log = lines("audit-log.ndjson");
  assert.deepEqual([head.seq, head.hash], [log.at(-1).seq, log.at(-1).hash]);
  assert.equal(log.at(-1).action, "workspace.exported", "it was written before the first byte");
  assert.equal(log.at(-1).actorId, owner.userId);
  // Anybody can verify the chain from the archive alone.
  let previous = "00".repeat(32);
  for (const entry of log) {
    const hash = createHash("sha256")
      .update(Buffer.from(previous, "hex"))
      .update(entry.canonical)
      .digest("hex");
    assert.deepEqual([entry.previousHash, entry.hash], [previous, hash], `entry ${entry.seq}`);
    previous = hash;
  }
});

test("nothing secret is in the archive: no ciphertext, key, hash of a token or a password", async () => {
  const { entries } = await unpack(await get(owner, full.workspaceId));
  const everything = Buffer.concat([...entries.values()]);
  const secrets = await bed.query<{ name: string; value: Buffer }>(
    `select 'ciphertext' as name, ciphertext as value from credentials where workspace_id = $1
     union all select 'key', wrapped_key from credentials where workspace_id = $1
     union all select 'hook', token_hash from webhooks where workspace_id = $1
     union all select 'invitation', token_hash from invitations where workspace_id = $1`,
    [full.workspaceId],
  );
  assert.equal(secrets.length, 4);
  for (const { name, value } of secrets) {
    for (const encoding of ["hex", "base64", "base64url", "latin1"] as const) {
      assert.equal(everything.includes(value.toString(encoding)), false, `${name} as ${encoding}`);
    }
  }
  assert.equal(/password|secret|wrapped|ciphertext|token/i.test(everything.toString("latin1")), false);
});

test("A22: an export is for owners only, and refused ones are not in the log as exports", async () => {
  const stranger = await bed.api.register();
  const before = await bed.query("select 1 from audit_logs where action = 'workspace.exported'");
  for (const method of ["GET", "HEAD"]) {
    const status = async (person: Person, id: string) =>
      (await fetch(bed.api.url + path(id), { method, headers: { authorization: `Bearer ${person.token}` } }))
        .status;
    assert.equal(await status(editor, full.workspaceId), 403, method);
    assert.equal(await status(stranger, full.workspaceId), 404, method);
    assert.equal(await status(bed.admin, full.workspaceId), 404, method);
    assert.equal(await status(owner, uuidv7()), 404, method);
    if (method === "HEAD") assert.equal(await status(owner, full.workspaceId), 200);
  }
  assert.equal((await bed.api.request("GET", path(full.workspaceId))).status, 401);
  assert.deepEqual(await bed.query("select 1 from audit_logs where action = 'workspace.exported'"), before);
});

/** 4,000 executions with 16 kB in and out and a step each, five of 0.9 MB, and a file of 20 MB. */
async function addBigWorkspace(): Promise<string> {
  const id = uuidv7();
  await bed.addWorkspace(id, owner, "big");
  const workflow = uuidv7();
  await bed.query(
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id, status, input, output)
     select id, $1, $2, 1, $3, id, 'succeeded', to_jsonb(t), to_jsonb(t) from (
       select gen_random_uuid() id, case when n <= 5 then (select string_agg(md5(n::text || k), '') from generate_series(1, 28000) k)
         else (select string_agg(md5(n::text || k), '') from generate_series(1, 500) k) end t
       from generate_series(1, 4000) n) e`,
    [id, workflow, owner.userId],
  );
  await bed.query(
    `insert into execution_steps (execution_id, node_id, workspace_id, node_type, status, seq, fence, output)
     select id, 'start', workspace_id, 'trigger.manual', 'succeeded', 1, 1, output from workflow_executions where workspace_id = $1`,
    [id],
  );
  const bytes = Buffer.alloc(20_000_000, "0123456789abcdef");
  const upload = await bed.api.request<{ sha256: string }>("POST", `/api/files?name=big&workspaceId=${id}`, {
    token: owner.token,
    body: bytes,
    headers: { "content-type": "application/octet-stream" },
  });
  assert.equal(upload.status, 201);
  return id;
}

test("a big workspace is exported whole in little memory, and a client that leaves stops the reading", {
  timeout: 240_000,
}, async () => {
  const id = await addBigWorkspace();
  const api = await platform.start("api", { NODE_OPTIONS: "--max-semi-space-size=4" });
  // Its tokens have an issuer of their own.
  const credentials = { body: { email: owner.email, password: PASSWORD } };
  const login = await createClient(platform.url)<{ accessToken: string }>("POST", "/auth/login", credentials);
  const visitor = { ...owner, token: login.body.accessToken };
  await unpack(await get(visitor, full.workspaceId, platform.url));
  const before = residentMb(api.pid);
  let peak = before;
  let done = false;
  const watch = (async () => {
    while (!done) {
      peak = Math.max(peak, residentMb(api.pid));
      await delay(20);
    }
  })();
  const { manifest, lines, entries } = await unpack(await get(visitor, id, platform.url));
  done = true;
  await watch;
  const counts = Object.fromEntries(manifest.entries.map((entry) => [entry.path, entry.lines]));
  assert.deepEqual([counts["executions.ndjson"], counts["execution-steps.ndjson"]], [4_000, 4_000]);
  assert.equal(new Set(lines("executions.ndjson").map((line) => line.id)).size, 4_000);
  const total = [...entries.values()].reduce((sum, entry) => sum + entry.length, 0);
  assert.ok(total > 200_000_000, `${total} bytes were exported`);
  assert.ok(peak - before < 160, `memory grew from ${before} to ${peak} MB`);

  const leaving = new AbortController();
  const reply = await get(visitor, id, platform.url, leaving.signal);
  const reader = reply.body?.getReader();
  await reader?.read();
  leaving.abort();
  await reader?.closed.catch(() => {});
  const reads = async () => {
    const [row] = await bed.query<{ n: number }>(
      `select coalesce(sum(xact_commit), 0)::int n from pg_stat_database where datname = current_database()`,
    );
    return row?.n ?? 0;
  };
  await delay(2_500);
  const quiet = await reads();
  await delay(2_500);
  assert.ok((await reads()) - quiet < 20, "nobody reads on");
});

test("who stops owning the workspace, or is disabled, gets no more pages of an export under way", async () => {
  const id = uuidv7();
  await bed.addWorkspace(id, owner, "slow");
  await bed.query(
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id, status, output)
     select id, $1, $1, 1, $1, id, 'succeeded', to_jsonb(t) from (select gen_random_uuid() id,
       (select string_agg(md5(n::text || k), '') from generate_series(1, 25000) k) t from generate_series(1, 60) n) e`,
    [id],
  );
  const reply = await get(owner, id);
  const reader = reply.body?.getReader();
  await reader?.read();
  await bed.query("update workspace_members set role = 'editor' where workspace_id = $1", [id]);
  const drain = async () => {
    for (;;) if ((await reader?.read())?.done) return;
  };
  await assert.rejects(drain, "the archive is cut off, not ended");
});
