// A restored log says so; what looks like one and is none is tampering, and what was signed later still counts.
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { createAnchorSigner } from "#core/crypto/anchor-signer.ts";
import { type AuditRestoreFacts, restoreHash } from "#core/domain/audit-restore.ts";
import { appendAudit, INSTANCE_CHAIN } from "#core/persistence/audit/audit-logs.ts";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { createAnchorWriter } from "#core/services/audit/audit-anchors.ts";
import { type ChainProof, proveChain } from "#core/services/audit/audit-proof.ts";
import { forkChains } from "#core/services/audit/fork-chains.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const keys = [{ id: "k1", secret: randomBytes(32) }];
const T = Date.parse("2026-05-05T12:00:00Z");
const at = (minutes: number) => new Date(T + minutes * 60_000);

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

const append = (chainId: string, count: number) =>
  db.transaction({ workspaceIds: [] }, (tx) =>
    appendAudit(
      tx,
      Array.from({ length: count }, () => ({
        ...{ chainId, actorId: null, action: "workflow.created", targetType: "workflow", targetId: "w" },
        details: { name: randomUUID() },
      })),
    ),
  );
const anchor = (folder: string, minutes: number) =>
  createAnchorWriter({ folder, signer: () => createAnchorSigner(keys), now: () => at(minutes) }).write(db);
const prove = (chainId: string, anchorFolder: string, encryptionKeys = keys): Promise<ChainProof> =>
  proveChain(
    { database: db, encryptionKeys: () => encryptionKeys, anchorFolder },
    { id: chainId, principals: { workspaceIds: [chainId] } },
  );

/** What restoring a backup from when the chain had `seq` entries does to it. */
async function cutBack(chainId: string, seq: number): Promise<void> {
  await asAdmin(
    scratch,
    `set session_replication_role = replica;
     delete from audit_logs where chain_id = '${chainId}' and seq > ${seq};
     update audit_heads h set seq = ${seq}, hash = l.hash from audit_logs l
     where h.chain_id = '${chainId}' and l.chain_id = h.chain_id and l.seq = ${seq};
     delete from audit_heads where ${seq} = 0 and chain_id = '${chainId}'`,
  );
}

/** 5 entries in the backup, 3 more that anchors know of, then the restore an hour later. */
async function rolledBack(folder: string): Promise<string> {
  const chainId = randomUUID();
  await append(chainId, 5);
  await anchor(folder, 0);
  await append(chainId, 3);
  await anchor(folder, 1);
  await cutBack(chainId, 5);
  return chainId;
}
const restore = (minutes: number, signers = keys) =>
  forkChains(db, signers, {
    ...{ backupId: randomUUID(), takenAt: at(0).toISOString(), restoredAt: at(minutes).toISOString() },
  });

test("S42: a rolled back log is explained by its restore, with what only anchors know of, also when it has grown past them", async (t) => {
  const folder = temporaryFolder(t);
  const chainId = await rolledBack(folder);
  assert.equal((await prove(chainId, folder)).reason, "tail_missing", "without the entry it is a cut tail");
  await restore(60);
  const proof = await prove(chainId, folder);
  assert.equal(proof.ok, true, JSON.stringify(proof));
  assert.deepEqual(
    proof.restores?.map(({ seq, isProven, lost }) => ({
      seq,
      isProven,
      upTo: lost?.upTo,
      anchors: lost?.anchors,
    })),
    [{ seq: 6, isProven: true, upTo: 8, anchors: 1 }],
  );
  await append(chainId, 2);
  // As many entries as before: the same number with another hash.
  await anchor(folder, 61);
  await append(chainId, 4);
  const grown = await prove(chainId, folder);
  assert.deepEqual([grown.ok, grown.checked, grown.restores?.[0]?.lost?.upTo], [true, 12, 8]);
  assert.equal(grown.anchors.compared, 3, "the new life's head is anchored although its number is not new");
});

test("S42: what is tampered with after a restore is still found, and the life before goes on nowhere", async (t) => {
  const folder = temporaryFolder(t);
  const chainId = await rolledBack(folder);
  await restore(60);
  await append(chainId, 6);
  await anchor(folder, 61);
  await cutBack(chainId, 8);
  const cut = await prove(chainId, folder);
  assert.deepEqual([cut.ok, cut.reason], [false, "tail_missing"], "signed after the restore");
});

test("S42: an old instance that still runs after the restore is found by the heads it signs", async (t) => {
  const folder = temporaryFolder(t);
  const chainId = await rolledBack(folder);
  await restore(60);
  const old = (minutes: number, seq: number) => {
    const heads = [{ chainId, seq, hash: randomBytes(32).toString("hex") }];
    const line = createAnchorSigner(keys).sign({ at: at(minutes).toISOString(), heads, previous: null });
    writeFileSync(path.join(folder, "old-instance.jsonl"), `${JSON.stringify(line)}\n`);
  };
  old(59, 4);
  assert.equal((await prove(chainId, folder)).reason, "anchor_contradicts", "an entry that the backup had");
  old(59, 9);
  assert.equal((await prove(chainId, folder)).ok, true, "signed before the restore");
  old(61, 9);
  const beyond = await prove(chainId, folder);
  assert.deepEqual([beyond.ok, beyond.reason, beyond.anchor?.seq], [false, "tail_missing", 9]);
  old(61, 6);
  assert.equal((await prove(chainId, folder)).reason, "anchor_contradicts");
});

test("S42: a tail that was cut before the backup was taken is not passed off as lost by its restore", async (t) => {
  const folder = temporaryFolder(t);
  const chainId = await rolledBack(folder);
  const fork = { backupId: randomUUID(), takenAt: at(30).toISOString(), restoredAt: at(60).toISOString() };
  await forkChains(db, keys, fork);
  const proof = await prove(chainId, folder);
  assert.deepEqual([proof.ok, proof.reason, proof.anchor?.seq], [false, "tail_missing", 8]);
  assert.equal(proof.restores?.[0]?.isProven, true);
});

test("S42: a chain that began after the backup is explained by the instance's restore, and by nothing else", async (t) => {
  const folder = temporaryFolder(t);
  const begun = async (minutes: number, name = folder) => {
    const chainId = randomUUID();
    await append(chainId, 3);
    await anchor(name, minutes);
    await cutBack(chainId, 0);
    return chainId;
  };
  const backup = 24 * 60;
  const older = await begun(backup - 30);
  const younger = await begun(backup + 5);
  const takenAt = at(backup).toISOString();
  assert.equal((await prove(younger, folder)).reason, "tail_missing", "without a restore it was taken away");
  const restoredAt = at(backup + 60).toISOString();
  const byStranger = [{ id: "k1", secret: randomBytes(32) }];
  await forkChains(db, byStranger, { backupId: randomUUID(), takenAt, restoredAt });
  assert.equal((await prove(younger, folder)).reason, "tail_missing", "nobody signed that restore");
  const fork = { backupId: randomUUID(), takenAt, restoredAt };
  const { absent } = await forkChains(db, keys, fork, [younger, INSTANCE_CHAIN]);
  assert.deepEqual(absent, [younger], "chains that are there are not missing");
  const [told] = await asAdmin<{ details: unknown }>(
    scratch,
    "select details from audit_logs where chain_id = $1 order by seq desc limit 1",
    [INSTANCE_CHAIN],
  );
  assert.partialDeepStrictEqual(told?.details, { ...fork, absent: { count: 1, chainIds: [younger] } });
  const { ok, checked, restores } = await prove(younger, folder);
  assert.deepEqual([ok, checked], [true, 0]);
  assert.deepEqual(
    restores?.map((trace) => [trace.seq, trace.restoredAt, trace.isProven, trace.lost?.upTo]),
    [[0, restoredAt, true, 3]],
  );
  // The new life begins it anew: other entries under the same numbers.
  await append(younger, 2);
  await anchor(folder, backup + 61);
  const anew = await prove(younger, folder);
  assert.deepEqual([anew.ok, anew.checked, anew.restores?.[0]?.lost?.upTo], [true, 2, 3]);
  await cutBack(younger, 1);
  assert.equal((await prove(younger, folder)).reason, "tail_missing", "what was signed later counts");
  assert.equal((await prove(older, folder)).reason, "tail_missing", "it must have been in the backup");
  const strangers = [{ id: "k1", secret: randomBytes(32) }];
  assert.equal((await prove(younger, folder, strangers)).ok, false, "nobody trusted vouches for the restore");
  const later = await begun(backup + 59, temporaryFolder(t));
  const after = temporaryFolder(t);
  await append(later, 3);
  await anchor(after, backup + 61);
  await cutBack(later, 0);
  assert.equal((await prove(later, after)).reason, "tail_missing", "signed after the restore");
});

test("S42: a master of the database without the keys cannot pass a cut log off as restored", async (t) => {
  const folder = temporaryFolder(t);
  const strangers = [{ id: "k1", secret: randomBytes(32) }];
  const byStranger = await rolledBack(folder);
  await restore(60, strangers);
  const unsigned = await prove(byStranger, folder);
  assert.deepEqual([unsigned.ok, unsigned.reason], [false, "tail_missing"]);
  assert.equal(unsigned.restores?.[0]?.isProven, false);

  // A true signature of an older head, as every auditor may fetch one, moved to a later restore.
  const moved = await rolledBack(folder);
  const facts = await headOf(moved, at(0).toISOString());
  const stale = createAnchorSigner(keys).sign({
    at: at(0).toISOString(),
    heads: [{ chainId: moved, seq: facts.seq, hash: facts.hash }],
    previous: null,
  });
  await appendRestore(moved, { ...facts, restoredAt: at(60).toISOString() }, stale);
  assert.equal((await prove(moved, folder)).reason, "restore_unproven");

  const broken = await rolledBack(folder);
  const later = await headOf(broken, at(60).toISOString());
  const signed = createAnchorSigner(keys).sign({
    at: later.restoredAt,
    heads: [{ chainId: broken, seq: later.seq, hash: later.hash }],
    previous: restoreHash(broken, later),
  });
  await appendRestore(broken, later, { ...signed, signature: randomBytes(64).toString("base64url") });
  assert.equal((await prove(broken, folder)).reason, "restore_unproven");
});

test("S42: a true entry of a test restore, brought here from that database, hides no cut", async (t) => {
  const folder = temporaryFolder(t);
  const chainId = await rolledBack(folder);
  // What the copy's chain says, signed with the same keys; here the instance was never restored so.
  const facts = await headOf(chainId, at(60).toISOString());
  const signed = createAnchorSigner(keys).sign({
    at: facts.restoredAt,
    heads: [{ chainId, seq: facts.seq, hash: facts.hash }],
    previous: restoreHash(chainId, facts),
  });
  await appendRestore(chainId, facts, signed);
  const proof = await prove(chainId, folder);
  assert.deepEqual([proof.ok, proof.firstBad, proof.reason], [false, 6, "restore_unproven"]);
  const [trace] = proof.restores ?? [];
  assert.deepEqual([trace?.isProven, trace?.isForeign, trace?.lost], [false, true, undefined]);
  // Nor with the copy's entry for the instance: it is chained to another place than the one it is put at.
  await append(INSTANCE_CHAIN, 2);
  const there = await headOf(INSTANCE_CHAIN, facts.restoredAt);
  const instance = { ...there, backupId: facts.backupId };
  await append(INSTANCE_CHAIN, 1);
  const copied = createAnchorSigner(keys).sign({
    at: instance.restoredAt,
    heads: [{ chainId: INSTANCE_CHAIN, seq: instance.seq, hash: instance.hash }],
    previous: restoreHash(INSTANCE_CHAIN, instance),
  });
  await appendRestore(INSTANCE_CHAIN, instance, copied);
  assert.equal((await prove(chainId, folder)).reason, "restore_unproven");
  assert.equal((await prove(INSTANCE_CHAIN, folder)).reason, "restore_unproven");
});

async function headOf(chainId: string, restoredAt: string): Promise<AuditRestoreFacts> {
  const [head] = await asAdmin<{ seq: string; hash: Buffer }>(
    scratch,
    "select seq, hash from audit_heads where chain_id = $1",
    [chainId],
  );
  assert.ok(head);
  const taken = { backupId: randomUUID(), takenAt: at(0).toISOString() };
  return { ...taken, restoredAt, seq: Number(head.seq), hash: head.hash.toString("hex") };
}

const appendRestore = (chainId: string, facts: AuditRestoreFacts, signed: unknown) =>
  db.transaction({ workspaceIds: [] }, (tx) =>
    appendAudit(tx, [
      {
        ...{ chainId, actorId: null, action: "audit.restored", targetType: "audit_log", targetId: chainId },
        details: { ...facts, anchor: signed },
      },
    ]),
  );
