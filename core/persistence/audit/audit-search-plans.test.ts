import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { createDatabase, type Database, type Executor } from "../database.ts";
import type { Sql } from "../sql.ts";
import { INSTANCE_CHAIN } from "./audit-logs.ts";
import { type AuditFilter, listAuditLogs } from "./audit-logs-page.ts";

const ROWS = 300_000;
const PAGE = 50;
const actors = [randomUUID(), randomUUID()] as const;
const chainId = randomUUID();
const adminId = randomUUID();
let scratch: TestDatabase;
let db: Database;

before(
  async () => {
    scratch = await createTestDatabase();
    db = createDatabase({ databaseUrl: scratch.databaseUrl, role: "atelier_api", maxConnections: 1 });
    const admin = new pg.Client({ connectionString: scratch.adminUrl });
    await admin.connect();
    await admin.query("set session_replication_role = replica; set synchronous_commit = off");
    await admin.query(
      "insert into users (id, email, password_hash, is_admin) values ($1, 'a@example.com', '-', true)",
      [adminId],
    );
    // Half of the entries in the workspace's chain, half in the instance's; one entry a minute.
    await admin.query(
      `insert into audit_logs (chain_id, seq, id, at, actor_id, action, target_type, target_id, canonical, previous_hash,
         hash)
       select case when n % 2 = 0 then $1::uuid else '${INSTANCE_CHAIN}'::uuid end, n, gen_random_uuid(),
         timestamptz '2026-01-01' + n * interval '1 min', case when n % 500 < 2 then $2::uuid else $3::uuid end,
         kind || '.done', kind, 't' || n / 2, '', '', ''
       from (select n, case when n % 1000 < 2 then 'credential' when n % 10 < 2 then 'file' else 'execution' end kind
         from generate_series(1, ${ROWS}) n) made`,
      [chainId, actors[0], actors[1]],
    );
    await admin.query("vacuum analyze audit_logs");
    await admin.end();
  },
  { timeout: 240_000 },
);
after(async () => {
  await db?.close();
  await scratch?.drop();
});

type Plan = {
  "Node Type": string;
  "Index Name"?: string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  Plans?: Plan[];
};
type Explained = { "QUERY PLAN": Array<{ Plan: Plan }> };

const flatten = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(flatten)];

/** Runs a search and tells how each of its statements that look at entries was run. */
async function plansOf(chain: string, filter: AuditFilter): Promise<{ found: number; nodes: Plan[] }> {
  const nodes: Plan[] = [];
  const principals = chain === chainId ? { workspaceIds: [chainId] } : { userId: adminId, workspaceIds: [] };
  const found = await db.transaction(principals, async (tx) => {
    const explain = async ({ text, values }: Sql) => {
      if (!text.includes("from audit_logs")) return;
      const [row] = await tx.many<Explained>({ text: `explain (analyze, format json) ${text}`, values });
      const plan = row?.["QUERY PLAN"][0]?.Plan;
      assert.ok(plan);
      nodes.push(...flatten(plan));
    };
    const spy: Executor = {
      ...tx,
      many: async <Row>(statement: Sql) => {
        await explain(statement);
        return tx.many<Row>(statement);
      },
      one: async <Row>(statement: Sql) => {
        await explain(statement);
        return tx.one<Row>(statement);
      },
    };
    return (await listAuditLogs(spy, chain, filter, { limit: PAGE })).length;
  });
  return { found, nodes };
}

const week = { from: "2026-03-01T00:00:00.000Z", to: "2026-03-08T00:00:00.000Z" };
const searches: Record<string, [AuditFilter, string]> = {
  "no filter": [{}, "audit_logs_time_idx"],
  "a rare actor": [{ actorId: actors[0] }, "audit_logs_actor_idx"],
  "a busy actor": [{ actorId: actors[1] }, "audit_logs_(actor|time)_idx"],
  "a rare action": [{ action: "credential.done" }, "audit_logs_action_idx"],
  "a rare type": [{ targetType: "credential" }, "audit_logs_type_idx"],
  "a target": [{ targetId: "t4711" }, "audit_logs_target_idx"],
  "an unknown target": [{ targetId: "t" }, "audit_logs_target_idx"],
};

for (const [chainName, chain] of [
  ["a workspace's", chainId],
  ["the instance's", INSTANCE_CHAIN],
] as const) {
  for (const [name, [filter, index]] of Object.entries(searches)) {
    for (const [suffix, range] of Object.entries({ "": {}, " in a week": week })) {
      test(`${chainName} chain is searched by ${name}${suffix} from the end of an index, reading a page`, async () => {
        const { found, nodes } = await plansOf(chain, { ...filter, ...range });
        const targeted = filter.targetId !== undefined || suffix !== "";
        if (!targeted) assert.equal(found, PAGE);
        const scans = nodes.filter((node) => node["Index Name"]?.startsWith("audit_logs"));
        assert.match(scans[0]?.["Index Name"] ?? "", new RegExp(index));
        assert.deepEqual(
          nodes.filter((node) => node["Node Type"] === "Seq Scan" && node["Actual Rows"] > 1_000),
          [],
        );
        const read = scans.map(
          (node) => (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) * node["Actual Loops"],
        );
        assert.ok(Math.max(...read) <= 2 * PAGE, `entries read: ${read}`);
      });
    }
  }
}

test("a word tries no more than the newest entries before its own index", async () => {
  const { nodes } = await plansOf(chainId, { q: "nowhere", ...week });
  const scans = nodes.filter((node) => node["Index Name"]?.startsWith("audit_logs"));
  assert.deepEqual(
    scans.map((node) => node["Index Name"]),
    ["audit_logs_time_idx"],
  );
  assert.ok((scans[0]?.["Actual Rows"] ?? 0) <= 3_000);
});
