// Tampering that looks lawful: heads signed anew over a rewritten chain, details emptied as if they had been erased.
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import { createAnchorSigner } from "#core/crypto/anchor-signer.ts";
import { type AuditEntry, appendAudit } from "#core/persistence/audit/audit-logs.ts";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { createAnchorWriter } from "#core/services/audit/audit-anchors.ts";
import { proveChain } from "#core/services/audit/audit-proof.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let scratch: TestDatabase;
let db: Database;
let superuser: pg.Client;
let folder: string;
const keys = [{ id: "k1", secret: randomBytes(32) }];

before(async () => {
  scratch = await createTestDatabase();
  db = createDatabase({ databaseUrl: scratch.databaseUrl, role: "atelier_api" });
  superuser = new pg.Client({ connectionString: scratch.adminUrl });
  await superuser.connect();
  await superuser.query("set session_replication_role = replica");
  folder = mkdtempSync(path.join(tmpdir(), "atelier-laundering-"));
});
after(async () => {
  await Promise.all([db?.close(), superuser?.end()]);
  await scratch?.drop();
  rmSync(folder, { recursive: true, force: true });
});

const append = (chainId: string, action: string, entry: Partial<AuditEntry> = {}) =>
  db.transaction({ workspaceIds: [] }, (tx) =>
    appendAudit(tx, [
      {
        chainId,
        actorId: null,
        action,
        targetType: "workflow",
        targetId: "w",
        details: { name: "n" },
        ...entry,
      },
    ]),
  );

const prove = (chainId: string) =>
  proveChain(
    { database: db, encryptionKeys: () => keys, anchorFolder: folder },
    { id: chainId, principals: { workspaceIds: [chainId] } },
  );

const sign = () =>
  db.transaction({ workspaceIds: [] }, (tx) =>
    createAnchorWriter({ folder, signer: () => createAnchorSigner(keys) }).write(tx),
  );

test("S42: a chain written anew entry by entry, each head signed again: the first signature counts", async () => {
  const chainId = randomUUID();
  const live = async (action: string) => {
    for (let seq = 1; seq <= 3; seq++) {
      await append(chainId, action);
      await sign();
    }
  };
  await live("workflow.created");
  assert.equal((await prove(chainId)).ok, true);
  await superuser.query("delete from audit_logs where chain_id = $1", [chainId]);
  await superuser.query("delete from audit_heads where chain_id = $1", [chainId]);
  await live("workflow.forged");
  const proof = await prove(chainId);
  assert.deepEqual([proof.ok, proof.firstBad, proof.reason], [false, 1, "anchor_contradicts"]);
  assert.equal(proof.anchors.compared, 6);
});

const idsOf = async (chainId: string): Promise<string[]> => {
  const found = await superuser.query("select id from audit_logs where chain_id = $1 order by seq", [
    chainId,
  ]);
  return found.rows.map(({ id }) => id);
};

test("S43: emptied details are good only where a later entry of the chain says that they were erased", async () => {
  const chainId = randomUUID();
  for (let seq = 1; seq <= 4; seq++) await append(chainId, "workflow.created");
  const ids = await idsOf(chainId);
  await superuser.query("update audit_logs set details = null where chain_id = $1 and seq in (2, 3)", [
    chainId,
  ]);
  const emptied = await prove(chainId);
  assert.deepEqual([emptied.ok, emptied.firstBad, emptied.reason], [false, 2, "details_missing"]);
  await append(chainId, "audit.details_erased", { details: { entries: [ids[1]] } });
  const partly = await prove(chainId);
  assert.deepEqual([partly.ok, partly.firstBad, partly.reason], [false, 3, "details_missing"]);
  await append(chainId, "workflow.created", { details: { entries: [ids[2]] } });
  assert.equal((await prove(chainId)).firstBad, 3, "another action erases nothing");
  await append(chainId, "audit.details_erased", { details: { entries: [ids[2]] } });
  assert.deepEqual(await prove(chainId).then(({ ok, checked }) => [ok, checked]), [true, 7]);
});

test("S42: anchors that somebody else signed, in the place of the right ones, are no proof", async () => {
  const place = mkdtempSync(path.join(folder, "replaced-"));
  const chainId = randomUUID();
  await append(chainId, "workflow.created");
  const forger = () => createAnchorSigner([{ id: "x", secret: randomBytes(32) }]);
  await db.transaction({ workspaceIds: [] }, (tx) =>
    createAnchorWriter({ folder: place, signer: forger }).write(tx),
  );
  const proof = await proveChain(
    { database: db, encryptionKeys: () => keys, anchorFolder: place },
    { id: chainId, principals: { workspaceIds: [chainId] } },
  );
  assert.equal(proof.ok, false);
  assert.match(proof.anchors.faults.join(), /none of 1 anchors is signed by a key that is trusted/);
});
