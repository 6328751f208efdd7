import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { createDatabase, type Database } from "../database.ts";
import { appendAudit } from "./audit-logs.ts";
import { verifyAuditChain } from "./verify-audit-chain.ts";

let scratch: TestDatabase;
let db: Database;
let superuser: pg.Client;

before(async () => {
  scratch = await createTestDatabase();
  db = createDatabase({ databaseUrl: scratch.databaseUrl, role: "atelier_api" });
  superuser = new pg.Client({ connectionString: scratch.adminUrl });
  await superuser.connect();
  await superuser.query("set session_replication_role = replica");
});
after(async () => {
  await Promise.all([db?.close(), superuser?.end()]);
  await scratch?.drop();
});

type Odd = { targetId?: string | null; targetType?: string; details?: unknown };

/** The odd entry is number 3 of 5. */
async function chainAround({ targetId = "w1", targetType = "workflow", details }: Odd): Promise<string> {
  const chainId = randomUUID();
  const plain = {
    chainId,
    actorId: null,
    action: "workflow.created",
    targetType: "workflow",
    targetId: "w1",
  };
  await db.transaction({ workspaceIds: [] }, (tx) =>
    appendAudit(tx, [plain, plain, { ...plain, targetId, targetType, details }, plain, plain]),
  );
  return chainId;
}

const verify = (chainId: string) =>
  db.transaction({ workspaceIds: [chainId] }, (tx) => verifyAuditChain(tx, chainId));

const odd: Record<string, Odd> = {
  "beyond ASCII": { targetId: "Ärzte 🏥" },
  escaped: { targetId: '"\\\n\u0001' },
  "with the separator": { targetId: "a\x1fb", targetType: "\x1f" },
  "empty, not null": { targetId: "", targetType: "" },
  "without a target": { targetId: null },
  "long beyond the buffer": { targetId: "x".repeat(10_000) },
  "with details of every kind": {
    details: { ü: [1e21, 0.1, -0, null, true, "\u2028"], a: { "": {} }, '"detailsHash":': "x" },
  },
};
for (const [name, entry] of Object.entries(odd)) {
  test(`an entry ${name} is good`, async () => {
    assert.deepEqual(await verify(await chainAround(entry)), { ok: true, checked: 5 });
  });
}

const tampered: Record<string, [Odd, string]> = {
  "no target made an empty one": [{ targetId: null }, "target_id = ''"],
  "an empty target made none": [{ targetId: "" }, "target_id = null"],
  "text moved over the separator": [
    { targetType: "a", targetId: "b\x1f=c" },
    "target_type = E'a\\x1f=b', target_id = 'c'",
  ],
  "a quote made its escaped form": [{ targetId: '"' }, `target_id = '\\"'`],
  "bytes that are not UTF-8": [{}, "canonical = canonical || '\\xff'::bytea"],
  "bytes written as their escapes": [
    { targetId: "\\303" },
    "canonical = convert_to(replace(convert_from(canonical, 'UTF8'), '\\\\', '\\'), 'UTF8')",
  ],
  "the time moved": [{}, "at = at + interval '1 ms'"],
  "the actor replaced": [{}, "actor_id = gen_random_uuid()"],
  "another id": [{}, "id = gen_random_uuid()"],
};
for (const [name, [entry, change]] of Object.entries(tampered)) {
  test(`S42: ${name}: the entry is named`, async () => {
    const chainId = await chainAround(entry);
    const { rowCount } = await superuser.query(
      `update audit_logs set ${change} where chain_id = '${chainId}' and seq = 3`,
    );
    assert.equal(rowCount, 1);
    assert.deepEqual(await verify(chainId), {
      ok: false,
      checked: 2,
      firstBad: 3,
      reason: "entry_changed",
    });
  });
}
