// The export of a workspace: complete, without secrets, for its owners only, and it needs little memory.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createClient, PASSWORD, type Person } from "../support/client.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { readZip } from "../support/read-zip.ts";
import { createEraseBed, type EraseBed } from "./erase-bed.ts";
import { peakMb, residentMb } from "./resident-memory.ts";
import { seedTenant, type Tenant } from "./seed-tenant.ts";

type Manifest = {
  workspaceId: string;
  entries: { path: string; bytes: number; sha256: string; lines?: number; note?: string }[];
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
const get = (person: Person, workspaceId: string, url = bed.api.url) =>
  fetch(url + path(workspaceId), { headers: { authorization: `Bearer ${person.token}` } });

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

/** `size` × 500 executions with 16 kB in and out and a step with 16 kB each, and a file of `size` × 40 MB. */
async function addBigWorkspace(size: number): Promise<string> {
  const id = uuidv7();
  await bed.addWorkspace(id, owner, "big");
  await bed.query(
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id, status, input, output)
     select id, $1, $2, 1, $3, id, 'succeeded', to_jsonb(t), to_jsonb(t) from (
       select gen_random_uuid() id, repeat(md5(n::text), 500) t
       from generate_series(1, ${size} * 500) n) e`,
    [id, uuidv7(), owner.userId],
  );
  await bed.query(
    `insert into execution_steps (execution_id, node_id, workspace_id, node_type, status, seq, fence, output)
     select id, 'start', workspace_id, 'trigger.manual', 'succeeded', 1, 1, output from workflow_executions where workspace_id = $1`,
    [id],
  );
  await addFile(id, size * 40_000_000);
  return id;
}

async function addFile(workspaceId: string, size: number): Promise<string> {
  const reply = await bed.api.request<{ id: string }>(
    "POST",
    `/api/files?name=big&workspaceId=${workspaceId}`,
    {
      token: owner.token,
      body: Buffer.alloc(size, "0123456789abcdef"),
      headers: { "content-type": "application/octet-stream" },
    },
  );
  assert.equal(reply.status, 201);
  return reply.body.id;
}

// The smallest heap the api works with, and no allocator that keeps what is freed: else garbage that is not collected
// yet (up to 150 MB, however much is exported) would hide what is held.
const BARE = {
  NODE_OPTIONS: "--max-semi-space-size=2 --max-old-space-size=80",
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "131072",
};

test("of an export of four times the size no more is in memory at a time, and all of it arrives", {
  timeout: 240_000,
}, async () => {
  const [small, big] = [await addBigWorkspace(1), await addBigWorkspace(4)];
  const api = await platform.start("api", BARE);
  // Its tokens have an issuer of their own.
  const credentials = { body: { email: owner.email, password: PASSWORD } };
  const login = await createClient(platform.url)<{ accessToken: string }>("POST", "/auth/login", credentials);
  const visitor = { ...owner, token: login.body.accessToken };
  const take = async (id: string) => Buffer.from(await (await get(visitor, id, platform.url)).arrayBuffer());
  // Warm: what every answer needs once, and as much garbage of file chunks as there ever is before it is collected.
  await take(full.workspaceId);
  const warm = await fetch(`${platform.url}/api/files/${await addFile(owner.workspaceId, 60_000_000)}`, {
    headers: { authorization: `Bearer ${visitor.token}` },
  });
  assert.equal((await warm.arrayBuffer()).byteLength, 60_000_000);
  const rest = await residentMb(api.pid);
  let archive = Buffer.alloc(0);
  const grown = async (id: string) => {
    const work = async () => {
      archive = await take(id);
    };
    return (await peakMb(api.pid, work)) - rest;
  };
  const sizeMb = () =>
    [...readZip(archive).values()].reduce((sum, { length }) => sum + length, 0) / 1_048_576;
  const one = Math.max(await grown(small), await grown(small));
  const oneSize = sizeMb();
  const four = await grown(big);
  const further = sizeMb() - oneSize;
  // Garbage that is not collected yet comes and goes by some 30 MB: against 190 it does not count.
  assert.ok(further > 180, `${further} MB more were exported`);
  const ids = String(readZip(archive).get("executions.ndjson"))
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line).id);
  assert.deepEqual([ids.length, new Set(ids).size], [2_000, 2_000]);
  // Of each further megabyte: 1 if it were held, 0 if not.
  const held = (four - one) / further;
  assert.ok(
    held < 0.25,
    `memory grew by ${one.toFixed()} MB, by ${four.toFixed()} for ${further.toFixed()} MB more`,
  );
});

test("a client that does not read holds the reading up: what is deleted meanwhile was not read ahead", async () => {
  const id = uuidv7();
  await bed.addWorkspace(id, owner, "stalled");
  const fileId = await addFile(id, 80_000_000);
  const headers = { authorization: `Bearer ${owner.token}` };
  const [reply] = (await once(request(bed.api.url + path(id), { headers }).end(), "response")) as [
    IncomingMessage,
  ];
  // Enough to read all of it, three times over; nobody listens to the reply yet.
  await delay(3_000);
  const deleted = await bed.api.request("DELETE", `/api/files/${fileId}`, { token: owner.token });
  assert.equal(deleted.status, 204);
  const entries = readZip(await buffer(reply));
  const manifest = JSON.parse(String(entries.get("manifest.json"))) as Manifest;
  const file = manifest.entries.find((entry) => entry.path === `files/${fileId}`);
  assert.equal(file?.note, "deleted while it was exported");
  // Both ends of the connection hold some megabytes.
  assert.ok(file.bytes < 30_000_000, `${file.bytes} bytes were read ahead`);
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
