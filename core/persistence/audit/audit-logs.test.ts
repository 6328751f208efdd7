import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import pg from "pg";
import { createTestDatabase } from "../../../test/support/database.ts";
import { createDatabase, type Database } from "../database.ts";
import { sql } from "../sql.ts";
import { type AuditEntry, appendAudit, INSTANCE_CHAIN, lockHeads } from "./audit-logs.ts";
import { verifyAuditChain } from "./verify-audit-chain.ts";

let scratch: Awaited<ReturnType<typeof createTestDatabase>>;
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
  details: { name: "Näme", price: 1e21, tiny: 5e-324, list: [1, null, { b: 1, a: 2 }] },
  ...change,
});

const append = (...entries: AuditEntry[]) =>
  db.transaction({ workspaceIds: [] }, (tx) => appendAudit(tx, entries));
const verify = (chainId: string) =>
  db.transaction({ workspaceIds: [chainId] }, (tx) => verifyAuditChain(tx, chainId));

/** What somebody with the superuser's password could do. */
async function tamper(statement: string, values: unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: scratch.adminUrl });
  await client.connect();
  try {
    await client.query("begin");
    await client.query("set local session_replication_role = replica");
    const changed = await client.query(statement, values);
    assert.equal(changed.rowCount, 1, "the tampering itself works");
    await client.query("commit");
  } finally {
    await client.end();
  }
}

test("twenty writers at once over the same chains give linear chains without gaps", async () => {
  const chains = [randomUUID(), randomUUID(), INSTANCE_CHAIN];
  await Promise.all(
    Array.from({ length: 20 }, (_, writer) => {
      const order = writer % 2 === 0 ? chains : [...chains].reverse();
      return append(
        ...order.flatMap((chainId) => [entry(chainId), entry(chainId, { targetId: `${writer}` })]),
      );
    }),
  );
  for (const chainId of chains) {
    assert.deepEqual(await verify(chainId), { ok: true, checked: 40 });
    const { seqs } = (await db.transaction({ workspaceIds: [chainId] }, (tx) =>
      tx.one<{ seqs: number[] }>(sql`select array_agg(seq::int order by seq) as seqs from audit_logs
        where chain_id = ${chainId}`),
    )) ?? { seqs: [] };
    assert.deepEqual(
      seqs,
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  }
});

test("writers that lock heads before they know their entries: linear chains, and nothing moves where nothing follows", async () => {
  const chains = [randomUUID(), randomUUID(), randomUUID()];
  await append(...chains.map((chainId) => entry(chainId)));
  const isNew = randomUUID();
  const write = (writer: number) =>
    db.transaction({ workspaceIds: [] }, async (tx) => {
      const order = writer % 2 === 0 ? chains : [...chains].reverse();
      const locked = await lockHeads(tx, [...order, isNew]);
      // Of the three chains one has two entries, one has one, and one has none; some write where no head is yet.
      const [twice = "", once = ""] = [chains[writer % 3], chains[(writer + 1) % 3]];
      const entries = [entry(twice), entry(once), entry(twice, { targetId: `${writer}` })];
      if (writer > 0) await appendAudit(tx, writer === 7 ? [entry(isNew)] : entries, { isAll: true, locked });
    });
  const others = Array.from({ length: 6 }, () => append(...chains.map((chainId) => entry(chainId))));
  await Promise.all([...Array.from({ length: 19 }, (_, writer) => write(writer)), ...others]);
  const checked = await Promise.all(chains.map(async (chainId) => (await verify(chainId)).checked));
  for (const chainId of chains) assert.equal((await verify(chainId)).ok, true);
  // 17 writers wrote three entries each, all of them one before, six others one in each chain.
  assert.equal(
    checked.reduce((sum, count) => sum + count, 0),
    17 * 3 + 3 + 6 * 3,
  );
  assert.deepEqual(await verify(isNew), { ok: true, checked: 1 });
});

test("a rolled back change leaves no trace and no gap", async () => {
  const chainId = randomUUID();
  await append(entry(chainId));
  await assert.rejects(
    db.transaction({ workspaceIds: [] }, async (tx) => {
      await appendAudit(tx, [entry(chainId), entry(chainId)]);
      throw new Error("the change fails");
    }),
    /the change fails/,
  );
  await append(entry(chainId));
  assert.deepEqual(await verify(chainId), { ok: true, checked: 2 });
});

test("an entry is read back as it was given, an import keeps its time and id", async () => {
  const chainId = randomUUID();
  const actorId = randomUUID();
  const id = randomUUID();
  await append(entry(chainId, { actorId }), entry(chainId, { at: "2019-05-01T10:00:00+02:00", id }));
  const rows = await db.transaction({ workspaceIds: [chainId] }, (tx) =>
    tx.many<{ id: string; at: string; actorId: string; details: unknown }>(sql`
      select id, at, actor_id as "actorId", details from audit_logs where chain_id = ${chainId} order by seq`),
  );
  assert.equal(rows[0]?.actorId, actorId);
  assert.deepEqual(rows[0]?.details, entry(chainId).details);
  assert.ok(Math.abs(Date.parse(rows[0]?.at ?? "") - Date.now()) < 3_600_000, "the time is of today");
  assert.deepEqual([rows[1]?.at, rows[1]?.id], ["2019-05-01T08:00:00.000Z", id]);
  assert.deepEqual(await verify(chainId), { ok: true, checked: 2 });
});

test("a batch longer than one reading of the verifier", async () => {
  const chainId = randomUUID();
  // A batch of the verifier is 5,000.
  await append(...Array.from({ length: 4_999 }, () => entry(chainId)));
  assert.deepEqual(await verify(chainId), { ok: true, checked: 4_999 });
  await append(entry(chainId));
  assert.deepEqual(await verify(chainId), { ok: true, checked: 5_000 });
  await append(...Array.from({ length: 2_345 }, (_, index) => entry(chainId, { targetId: String(index) })));
  assert.deepEqual(await verify(chainId), { ok: true, checked: 7_345 });
  await tamper("delete from audit_logs where chain_id = $1 and seq = 7345", [chainId]);
  assert.deepEqual(await verify(chainId), {
    ok: false,
    checked: 7_344,
    firstBad: 7_345,
    reason: "tail_missing",
  });
});

const attacks: Record<string, string> = {
  "the actor exchanged": "update audit_logs set actor_id = uuidv7() where chain_id = $1 and seq = 2",
  "the action exchanged": "update audit_logs set action = 'x' where chain_id = $1 and seq = 2",
  "the time moved": "update audit_logs set at = at - interval '1 hour' where chain_id = $1 and seq = 2",
  "the details rewritten": `update audit_logs set details = '{"name":"x"}' where chain_id = $1 and seq = 2`,
  "the canonical bytes rewritten": `update audit_logs set canonical = canonical || '\\x20' where chain_id = $1 and seq = 2`,
  "a row deleted": "delete from audit_logs where chain_id = $1 and seq = 2",
  "the action rewritten with its bytes, not with its hash": `update audit_logs set action = 'workflow.deleted',
       canonical = convert_to(replace(convert_from(canonical, 'utf8'), 'workflow.created', 'workflow.deleted'), 'utf8')
     where chain_id = $1 and seq = 2`,
  "rehashed without the rest of the chain": `update audit_logs set action = 'workflow.deleted',
       canonical = convert_to(replace(convert_from(canonical, 'utf8'), 'workflow.created', 'workflow.deleted'), 'utf8'),
       hash = sha256(previous_hash ||
         convert_to(replace(convert_from(canonical, 'utf8'), 'workflow.created', 'workflow.deleted'), 'utf8'))
     where chain_id = $1 and seq = 2`,
  "two rows swapped": "update audit_logs set seq = 4 where chain_id = $1 and seq = 2",
};
for (const [name, statement] of Object.entries(attacks)) {
  test(`tampering is found: ${name}`, async () => {
    const chainId = randomUUID();
    await append(entry(chainId), entry(chainId), entry(chainId));
    await tamper(statement, [chainId]);
    const verdict = await verify(chainId);
    assert.equal(verdict.ok, false);
    // A row that hashes to something else of its own is noticed where the next one does not follow it.
    assert.equal(verdict.firstBad, name.startsWith("rehashed") ? 3 : 2);
  });
}

test("a tail cut off together with nothing else, and a head set back, are found", async () => {
  const chainId = randomUUID();
  await append(entry(chainId), entry(chainId));
  await tamper("update audit_heads set seq = 1 where chain_id = $1", [chainId]);
  assert.deepEqual(await verify(chainId), {
    ok: false,
    checked: 1,
    firstBad: 2,
    reason: "head_changed",
  });
});

test("details can be erased where an entry says so: the chain holds their hash", async () => {
  const chainId = randomUUID();
  const id = randomUUID();
  const details = { entries: [id] };
  await append({ ...entry(chainId), id }, { ...entry(chainId), action: "audit.details_erased", details });
  await tamper("update audit_logs set details = null where chain_id = $1 and seq = 1", [chainId]);
  assert.deepEqual(await verify(chainId), { ok: true, checked: 2 });
});

test("the runtime roles cannot change or remove an entry", async () => {
  const chainId = randomUUID();
  await append(entry(chainId));
  for (const statement of [sql`update audit_logs set action = 'x'`, sql`delete from audit_logs`]) {
    await assert.rejects(
      db.transaction({ workspaceIds: [chainId] }, (tx) => tx.run(statement)),
      /permission denied/,
    );
  }
  assert.equal((await verify(chainId)).checked, 1);
});

test("worker and scheduler can extend a chain they cannot read", async () => {
  const chainId = randomUUID();
  for (const role of ["atelier_worker", "atelier_scheduler"] as const) {
    const other = createDatabase({ databaseUrl: scratch.databaseUrl, role });
    await other
      .transaction({ workspaceIds: [] }, (tx) => appendAudit(tx, [entry(chainId)]))
      .finally(() => other.close());
  }
  assert.deepEqual(await verify(chainId), { ok: true, checked: 2 });
});

test("whoever asks for little gets a turn in the middle of a long batch", async () => {
  let turns = 0;
  let isOpen = true;
  const others = () => {
    turns++;
    if (isOpen) setImmediate(others);
  };
  const chainId = randomUUID();
  const head = { chainId, seq: 0, hash: Buffer.alloc(32), now: "2026-01-01T00:00:00.000Z" };
  // A server that answers at once: every turn that others get is one that the chaining left them.
  const tx = { many: async () => [], one: async () => null, run: async () => 1 };
  setImmediate(others);
  const entries = Array.from({ length: 1_000 }, () => entry(chainId));
  await appendAudit(tx, entries, { locked: new Map([[chainId, head]]) });
  isOpen = false;
  assert.ok(turns >= 10, `${turns} turns`);
});
