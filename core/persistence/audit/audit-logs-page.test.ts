import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { asAdmin } from "../../../test/support/query.ts";
import { createDatabase, type Database } from "../database.ts";
import { type AuditEntry, appendAudit } from "./audit-logs.ts";
import { type AuditFilter, type AuditPosition, listAuditLogs, readAuditLogs } from "./audit-logs-page.ts";

let scratch: TestDatabase;
let db: Database;

before(async () => {
  scratch = await createTestDatabase();
  db = createDatabase({ databaseUrl: scratch.databaseUrl, role: "atelier_api" });
});
after(async () => {
  await db?.close();
  await scratch?.drop();
});

const entry = (chainId: string, change: Partial<AuditEntry> = {}): AuditEntry => ({
  chainId,
  actorId: null,
  action: "workflow.created",
  targetType: "workflow",
  targetId: "w1",
  ...change,
});
const append = (...entries: AuditEntry[]) =>
  db.transaction({ workspaceIds: [] }, (tx) => appendAudit(tx, entries));
const list = (chainId: string, filter: AuditFilter = {}, limit = 50, before?: AuditPosition) =>
  db.transaction({ workspaceIds: [chainId] }, (tx) => listAuditLogs(tx, chainId, filter, { limit, before }));
const seqs = async (...args: Parameters<typeof list>) => (await list(...args)).map((row) => row.seq);

test("entries are found by each thing they say, and by all of them together", async () => {
  const chainId = randomUUID();
  const actorId = randomUUID();
  const targetId = randomUUID();
  await append(
    entry(chainId, { actorId, details: { name: "Rechnung Ünal", nested: [{ city: "O'Hara" }, 4711] } }),
    entry(chainId, { action: "credential.deleted", targetType: "credential", targetId }),
    entry(chainId, { details: { email: "eve@example.com", text: "a\nline" } }),
  );
  assert.deepEqual(await seqs(chainId), [3, 2, 1]);
  assert.deepEqual(await seqs(chainId, { actorId }), [1]);
  assert.deepEqual(await seqs(chainId, { action: "credential.deleted" }), [2]);
  assert.deepEqual(await seqs(chainId, { targetId }), [2]);
  assert.deepEqual(await seqs(chainId, { targetType: "workflow" }), [3, 1]);
  for (const [q, expected] of Object.entries({
    "ÜNAL rechnung": [1],
    "o'hara": [1],
    "4711": [1],
    "deleted credential": [2],
    [targetId.toUpperCase()]: [2],
    "eve@example.com": [3],
    line: [3],
    created: [3, 1],
    name: [],
    rech: [],
  })) {
    assert.deepEqual(await seqs(chainId, { q }), expected, q);
  }
  assert.deepEqual(await seqs(chainId, { q: "created", actorId, targetType: "workflow" }), [1]);
});

test("newest first by time, imports in their place, page by page without gap or repeat", async () => {
  const chainId = randomUUID();
  const at = (minute: number) => `2020-01-01T00:0${minute}:00.000Z`;
  await append(...[5, 3, 3, 9, 3].map((minute) => entry(chainId, { at: at(minute) })));
  const pages: number[] = [];
  let before: AuditPosition | undefined;
  for (;;) {
    const [row] = await list(chainId, {}, 1, before);
    if (!row) break;
    pages.push(row.seq);
    before = { at: row.at, seq: row.seq };
  }
  assert.deepEqual(pages, [4, 1, 5, 3, 2]);
  assert.deepEqual(await seqs(chainId, { from: at(3), to: at(5) }), [5, 3, 2]);
  assert.deepEqual(await seqs(chainId, { q: "created", from: at(5) }), [4, 1]);
});

test("a word deep in a long chain is found by its index, within every other filter", async () => {
  const chainId = randomUUID();
  const actorId = randomUUID();
  await append(entry(chainId, { details: { x: "needle" }, actorId, at: "2020-01-01T00:00:00Z" }));
  await append(entry(chainId, { details: { x: "needle" }, at: "2021-01-01T00:00:00Z" }));
  for (let round = 0; round < 6; round++) {
    await append(...Array.from({ length: 1_700 }, (_, index) => entry(chainId, { targetId: `${index}` })));
  }
  assert.deepEqual(await seqs(chainId, { q: "needle" }), [2, 1]);
  assert.deepEqual(await seqs(chainId, { q: "needle" }, 1), [2]);
  assert.deepEqual(await seqs(chainId, { q: "needle", actorId }), [1]);
  assert.deepEqual(await seqs(chainId, { q: "needle", from: "2020-06-01T00:00:00Z" }), [2]);
  assert.deepEqual(await seqs(chainId, { q: "needle", to: "2020-06-01T00:00:00Z" }), [1]);
  assert.deepEqual(
    await seqs(chainId, { q: "needle workflow", targetId: "w1", action: "workflow.created" }),
    [2, 1],
  );
  const before = { at: "2021-01-01T00:00:00.000Z", seq: 2 };
  assert.deepEqual(await seqs(chainId, { q: "needle" }, 50, before), [1]);
  assert.deepEqual(await seqs(chainId, { q: "needle", targetType: "file" }), []);
  const exported = await db.transaction({ workspaceIds: [chainId] }, (tx) =>
    readAuditLogs(tx, chainId, { q: "needle" }, { limit: 10, upTo: 1 }),
  );
  assert.deepEqual(
    exported.map((row) => row.seq),
    [1],
  );
});

test("erased details are found no more, the entry itself still is", async () => {
  const chainId = randomUUID();
  await append(entry(chainId, { details: { name: "Forgetmenot" } }));
  // Erasure proper has to say who asked for it; here it is about the words only.
  for (const name of ["append_only", "erasure_audited"]) {
    await asAdmin(scratch, `alter table audit_logs disable trigger audit_logs_${name}`);
  }
  await asAdmin(scratch, "update audit_logs set details = null where chain_id = $1", [chainId]);
  assert.deepEqual(await seqs(chainId, { q: "forgetmenot" }), []);
  assert.deepEqual(await seqs(chainId, { q: "created w1", targetType: "workflow" }), [1]);
});
