// What somebody with the superuser's password can do to the audit log, and who notices.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import { createAnchorSigner, publicKeysOf } from "#core/crypto/anchor-signer.ts";
import {
  appendAudit,
  canonicalBytes,
  chainHash,
  INSTANCE_CHAIN,
} from "#core/persistence/audit/audit-logs.ts";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { createAnchorWriter } from "#core/services/audit/audit-anchors.ts";
import { proveChain } from "#core/services/audit/audit-proof.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let scratch: TestDatabase;
let db: Database;
let superuser: pg.Client;
let folder: string;
const secret = randomBytes(32);
const keys = [{ id: "k1", secret }];

before(async () => {
  scratch = await createTestDatabase();
  db = createDatabase({ databaseUrl: scratch.databaseUrl, role: "atelier_api" });
  superuser = new pg.Client({ connectionString: scratch.adminUrl });
  await superuser.connect();
  await superuser.query("set session_replication_role = replica");
  folder = mkdtempSync(path.join(tmpdir(), "atelier-anchors-"));
});
after(async () => {
  await Promise.all([db?.close(), superuser?.end()]);
  await scratch?.drop();
  rmSync(folder, { recursive: true, force: true });
});

const append = (chainId: string, count: number) =>
  db.transaction({ workspaceIds: [] }, (tx) =>
    appendAudit(
      tx,
      Array.from({ length: count }, (_, index) => ({
        chainId,
        actorId: null,
        action: "workflow.created",
        targetType: "workflow",
        targetId: `w${index}`,
        details: { name: `n${index}` },
      })),
    ),
  );

/** A chain of 8 entries whose heads 4 and 8 were signed and kept. */
async function anchoredChain(place = folder): Promise<string> {
  const chainId = randomUUID();
  const writer = createAnchorWriter({ folder: place, signer: () => createAnchorSigner(keys) });
  await append(chainId, 4);
  await db.transaction({ workspaceIds: [] }, (tx) => writer.write(tx));
  await append(chainId, 4);
  await db.transaction({ workspaceIds: [] }, (tx) => writer.write(tx));
  return chainId;
}

const prove = (chainId: string, anchorFolder: string | undefined, publicKeys: string[] = []) =>
  proveChain(
    { database: db, encryptionKeys: () => (publicKeys.length > 0 ? [] : keys), anchorFolder },
    { id: chainId, principals: { workspaceIds: [chainId] } },
    publicKeys,
  );

const inSql = async (chainId: string, ...statements: string[]) => {
  for (const statement of statements) {
    const { rowCount } = await superuser.query(statement.replaceAll("$1", `'${chainId}'`));
    assert.ok((rowCount ?? 0) > 0, `the tampering itself works: ${statement}`);
  }
};

/** As thorough as it gets: every entry from `seq` on gets new content, bytes and hashes, and so does the head. */
async function rewriteFrom(chainId: string, first: number): Promise<void> {
  const { rows } = await superuser.query(
    `select id, seq::int, at, actor_id, target_type, target_id, previous_hash, hash, canonical from audit_logs
     where chain_id = $1 order by seq`,
    [chainId],
  );
  let previous = Buffer.alloc(32);
  for (const row of rows) {
    if (row.seq >= first) {
      const { detailsHash } = JSON.parse(row.canonical.toString());
      const canonical = canonicalBytes({
        id: row.id,
        chainId,
        seq: row.seq,
        at: row.at.toISOString(),
        actorId: row.actor_id,
        action: "workflow.deleted",
        targetType: row.target_type,
        targetId: row.target_id,
        detailsHash,
      });
      row.hash = chainHash(previous, canonical);
      await superuser.query(
        `update audit_logs set action = 'workflow.deleted', canonical = $3, previous_hash = $4, hash = $5
         where chain_id = $1 and seq = $2`,
        [chainId, row.seq, canonical, previous, row.hash],
      );
    }
    previous = row.hash;
  }
  await superuser.query("update audit_heads set hash = $2 where chain_id = $1", [chainId, previous]);
}

const byStatement: Record<string, { statements: string[]; firstBad: number; reason: string }> = {
  "a column edited": {
    statements: ["update audit_logs set action = 'x' where chain_id = $1 and seq = 3"],
    firstBad: 3,
    reason: "entry_changed",
  },
  "details edited": {
    statements: [`update audit_logs set details = '{"name":"x"}' where chain_id = $1 and seq = 3`],
    firstBad: 3,
    reason: "details_changed",
  },
  "the hashed bytes edited": {
    statements: [
      "update audit_logs set canonical = canonical || '\\x20'::bytea where chain_id = $1 and seq = 3",
    ],
    firstBad: 3,
    reason: "entry_changed",
  },
  "an entry deleted": {
    statements: ["delete from audit_logs where chain_id = $1 and seq = 3"],
    firstBad: 3,
    reason: "entry_missing",
  },
  "an entry inserted": {
    statements: [
      "update audit_logs set seq = seq + 100 where chain_id = $1 and seq >= 4",
      "update audit_logs set seq = seq - 99 where chain_id = $1 and seq >= 100",
      `insert into audit_logs (chain_id, seq, id, at, action, target_type, canonical, previous_hash, hash)
       select chain_id, 4, gen_random_uuid(), at, 'x', 'y', canonical, previous_hash, hash from audit_logs
       where chain_id = $1 and seq = 3`,
      "update audit_heads set seq = 9 where chain_id = $1",
    ],
    firstBad: 4,
    reason: "link_broken",
  },
  "two entries swapped": {
    statements: [
      "update audit_logs set seq = 99 where chain_id = $1 and seq = 3",
      "update audit_logs set seq = 3 where chain_id = $1 and seq = 6",
      "update audit_logs set seq = 6 where chain_id = $1 and seq = 99",
    ],
    firstBad: 3,
    reason: "link_broken",
  },
  "the tail cut off": {
    statements: ["delete from audit_logs where chain_id = $1 and seq > 5"],
    firstBad: 6,
    reason: "tail_missing",
  },
  "the head taken away": {
    statements: ["delete from audit_heads where chain_id = $1"],
    firstBad: 1,
    reason: "head_changed",
  },
};

for (const [name, { statements, firstBad, reason }] of Object.entries(byStatement)) {
  test(`S42: ${name}: the first bad entry is named, without any anchor`, async () => {
    const chainId = randomUUID();
    await append(chainId, 8);
    await inSql(chainId, ...statements);
    const proof = await prove(chainId, undefined);
    assert.deepEqual([proof.ok, proof.firstBad, proof.reason], [false, firstBad, reason]);
    assert.equal(proof.anchors.configured, false);
  });
}

test("S42: the tail cut off and the head set back with it: only the anchor knows", async () => {
  const chainId = await anchoredChain();
  assert.equal((await prove(chainId, folder)).anchors.compared, 2);
  await inSql(
    chainId,
    "delete from audit_logs where chain_id = $1 and seq > 5",
    "update audit_heads h set seq = 5, hash = (select hash from audit_logs where chain_id = $1 and seq = 5) where chain_id = $1",
  );
  assert.equal((await prove(chainId, undefined)).ok, true, "without it nothing is to be seen");
  const proof = await prove(chainId, folder);
  assert.deepEqual([proof.ok, proof.firstBad, proof.reason], [false, 6, "tail_missing"]);
  assert.match(proof.anchor?.source ?? "", /^audit-anchors-\d{4}-\d\d\.jsonl:\d+$/);
  assert.equal(proof.anchor?.seq, 8);
});

test("S42: everything rewritten with new hashes: the anchor contradicts", async () => {
  const chainId = await anchoredChain();
  await rewriteFrom(chainId, 6);
  assert.equal((await prove(chainId, undefined)).ok, true, "without it nothing is to be seen");
  const partly = await prove(chainId, folder);
  // Entry 4 is still what its anchor says; of what follows nothing is proven.
  assert.deepEqual([partly.firstBad, partly.reason, partly.anchor?.seq], [5, "anchor_contradicts", 8]);
  await rewriteFrom(chainId, 1);
  const wholly = await prove(chainId, folder);
  assert.deepEqual([wholly.firstBad, wholly.reason, wholly.anchor?.seq], [1, "anchor_contradicts", 4]);
});

test("S42: a whole chain wiped out is missed, because its anchors are there", async () => {
  const chainId = await anchoredChain();
  await inSql(
    chainId,
    "delete from audit_logs where chain_id = $1",
    "delete from audit_heads where chain_id = $1",
  );
  const proof = await prove(chainId, folder);
  assert.deepEqual([proof.ok, proof.firstBad, proof.reason], [false, 1, "tail_missing"]);
});

test("S43: details emptied behind the log are missed, and so are other details in their place", async () => {
  const chainId = await anchoredChain();
  await inSql(chainId, "update audit_logs set details = null where chain_id = $1 and seq in (2, 5)");
  const emptied = await prove(chainId, folder);
  assert.deepEqual(
    [emptied.firstBad, emptied.reason],
    [2, "details_missing"],
    "no entry says that they were erased",
  );
  await inSql(chainId, `update audit_logs set details = '{}' where chain_id = $1 and seq = 5`);
  assert.equal((await prove(chainId, folder)).firstBad, 5);
});

test("an anchor file cannot be bent: edited, cut in the middle, or signed by somebody else", async () => {
  const place = mkdtempSync(path.join(folder, "bent-"));
  const chainId = await anchoredChain(place);
  const [name = ""] = readdirSync(place);
  const file = path.join(place, name);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.equal(lines.length, 2);

  writeFileSync(file, `${lines.join("\n").replace('"seq":8', '"seq":7')}\n`);
  assert.match((await prove(chainId, place)).anchors.faults.join(), /:\d: the signature is false/);

  writeFileSync(file, `${lines[1]}\n`);
  assert.match((await prove(chainId, place)).anchors.faults.join(), /:1: the line before it is missing/);

  const forger = createAnchorSigner([{ id: "x", secret: randomBytes(32) }]);
  const forged = forger.sign({ ...JSON.parse(lines[1] ?? ""), publicKey: undefined, signature: undefined });
  writeFileSync(file, `${lines[0]}\n${JSON.stringify(forged)}\n`);
  const proof = await prove(chainId, place);
  assert.deepEqual([proof.anchors.compared, proof.anchors.unknownKeys], [1, 1]);

  // A power cut in the middle of a line; then the writer goes on.
  writeFileSync(file, `${lines.join("\n")}\n${lines[1]?.slice(0, 40)}`);
  const writer = createAnchorWriter({ folder: place, signer: () => createAnchorSigner(keys) });
  await append(chainId, 1);
  await db.transaction({ workspaceIds: [] }, (tx) => writer.write(tx));
  const whole = await prove(chainId, place);
  assert.deepEqual([whole.ok, whole.anchors.compared, whole.anchors.faults], [true, 3, []]);
});

test("after a rotation the new key vouches for the old one, and a public key alone is enough to verify", async () => {
  const place = mkdtempSync(path.join(folder, "rotated-"));
  const chainId = await anchoredChain(place);
  const fresh = { id: "k2", secret: randomBytes(32) };
  const [publicKey = ""] = publicKeysOf([fresh]);
  assert.deepEqual((await prove(chainId, place, [publicKey])).anchors.unknownKeys, 2);
  await append(chainId, 1);
  const writer = createAnchorWriter({ folder: place, signer: () => createAnchorSigner([fresh, ...keys]) });
  await db.transaction({ workspaceIds: [] }, (tx) => writer.write(tx));
  const proof = await prove(chainId, place, [publicKey]);
  assert.deepEqual([proof.ok, proof.anchors.compared, proof.anchors.unknownKeys], [true, 3, 0]);
});

test("a new key vouches for the old one at the next pass, once, also when no head has moved", async () => {
  const place = mkdtempSync(path.join(folder, "vouched-"));
  const chainId = await anchoredChain(place);
  const fresh = { id: "k2", secret: randomBytes(32) };
  const [publicKey = ""] = publicKeysOf([fresh]);
  const lines = () => {
    const [name = ""] = readdirSync(place);
    return readFileSync(path.join(place, name), "utf8").trim().split("\n");
  };
  const pass = async () => {
    const writer = createAnchorWriter({ folder: place, signer: () => createAnchorSigner([fresh, ...keys]) });
    for (let again = 0; again < 2; again += 1)
      await db.transaction({ workspaceIds: [] }, (tx) => writer.write(tx));
  };
  await pass();
  const count = lines().length;
  assert.equal((await prove(chainId, place, [publicKey])).anchors.unknownKeys, 0);
  await pass();
  assert.equal(lines().length, count, "neither a second pass nor a second scheduler says it again");
});

type Run = { code: number; stdout: string; stderr: string };

function runVerify(...args: string[]): Promise<Run> {
  const env = {
    ...process.env,
    DATABASE_URL: scratch.databaseUrl,
    DATA_DIR: path.join(folder, "none"),
    ENCRYPTION_KEYS: `k1:${secret.toString("base64url")}`,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, ["scripts/audit-verify.ts", ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}

test("npm run audit:verify goes through all chains, names the bad one and ends with 1", async () => {
  const place = mkdtempSync(path.join(folder, "command-"));
  await superuser.query("truncate audit_logs, audit_heads");
  await append(INSTANCE_CHAIN, 2);
  const good = await anchoredChain(place);
  const fine = await runVerify("--anchors", place);
  assert.deepEqual([fine.code, fine.stderr], [0, ""], fine.stdout);
  assert.match(fine.stdout, new RegExp(`ok   instance  ${INSTANCE_CHAIN}: 2 entries`));
  assert.match(fine.stdout, new RegExp(`ok   workspace ${good}: 8 entries, 2 anchors`));

  const headless = randomUUID();
  await append(headless, 3);
  const wiped = await anchoredChain(place);
  await inSql(headless, "delete from audit_heads where chain_id = $1");
  await inSql(
    wiped,
    "delete from audit_logs where chain_id = $1",
    "delete from audit_heads where chain_id = $1",
  );
  const bad = await runVerify("--all", "--anchors", place, "--json");
  assert.equal(bad.code, 1);
  const proofs = bad.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const firstBad = Object.fromEntries(proofs.map((proof) => [proof.chainId, proof.firstBad ?? null]));
  assert.deepEqual(firstBad, { [INSTANCE_CHAIN]: null, [good]: null, [headless]: 1, [wiped]: 1 });
  assert.equal((await runVerify("--workspace", good, "--anchors", place)).code, 0);
  assert.match((await runVerify("--workspace", "x")).stderr, /Usage: npm run audit:verify/);
  appendFileSync(path.join(place, "kept.jsonl"), "no anchor\n");
  assert.equal((await runVerify("--instance", "--anchors", place)).code, 0);
});
