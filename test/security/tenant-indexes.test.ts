// S26: at a million rows of other tenants, a tenant's lists read their own index and nothing else.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createDatabase, type Database, type Executor } from "#core/persistence/database.ts";
import { listExecutions } from "#core/persistence/executions/executions.ts";
import { listFiles } from "#core/persistence/files.ts";
import { type Sql, sql } from "#core/persistence/sql.ts";
import { listWorkflows } from "#core/persistence/workflows/workflows.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const MANY = 1_000_000;
const SOME = 200_000;
const TENANTS = 200;

let testDatabase: TestDatabase;
let api: Database;
let admin: pg.Client;
const userId = uuidv7();
const workspaces = Array.from({ length: TENANTS }, () => uuidv7());
const mine = workspaces[42] as string;

before(
  async () => {
    testDatabase = await createTestDatabase();
    api = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_api", maxConnections: 1 });
    admin = new pg.Client({ connectionString: testDatabase.adminUrl });
    await admin.connect();
    await admin.query("insert into users (id, email, password_hash) values ($1, 'a@example.com', '-')", [
      userId,
    ]);
    await admin.query(
      "insert into workspaces (id, name, created_by) select id, 'w', $1 from unnest($2::uuid[]) as u (id)",
      [userId, workspaces],
    );
    // Foreign keys and triggers are not what is looked at here.
    await admin.query("set session_replication_role = replica; set synchronous_commit = off");
    const id = "(uuid_floor(now() - make_interval(secs => n / 1000.0))::text)::uuid";
    await admin.query(
      `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id, status)
     select overlay(gen_random_uuid()::text placing left(${id}::text, 13) from 1)::uuid,
       ($1::uuid[])[n % ${TENANTS} + 1], $2, 1, $2, $2, 'succeeded' from generate_series(1, ${MANY}) n`,
      [workspaces, userId],
    );
    await admin.query(
      `insert into workflows (id, workspace_id, owner_id, name)
     select gen_random_uuid(), ($1::uuid[])[n % ${TENANTS} + 1], $2, 'w' || n from generate_series(1, ${SOME}) n`,
      [workspaces, userId],
    );
    await admin.query("analyze workflow_executions; analyze workflows");
  },
  { timeout: 240_000 },
);
after(async () => {
  await api?.close();
  await admin?.end();
  await testDatabase?.drop();
});

type Plan = {
  "Node Type": string;
  "Index Name"?: string;
  Plans?: Plan[];
  "Actual Rows": number;
  "Actual Loops": number;
};

/** What `list` would run, explained instead. */
async function planOf(list: (tx: Executor) => Promise<unknown>): Promise<Plan> {
  let asked: Sql | undefined;
  const spy: Executor = {
    many: async (statement) => {
      asked = statement;
      return [];
    },
    one: async () => null,
    run: async () => 0,
  };
  await list(spy);
  assert.ok(asked, "the list asked for rows");
  const { text, values } = asked;
  const explain = { text: `explain (analyze, format json) ${text}`, values };
  const rows = await api.transaction({ userId, workspaceIds: [mine] }, (tx) =>
    tx.many<{ "QUERY PLAN": Array<{ Plan: Plan }> }>(explain),
  );
  return rows[0]?.["QUERY PLAN"][0]?.Plan as Plan;
}

const flatten = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(flatten)];

/** No table is read whole, and no node touches many more rows than a page has. */
function assertOwnIndex(plan: Plan, index: RegExp): void {
  const nodes = flatten(plan);
  assert.deepEqual(
    nodes.filter((node) => node["Node Type"] === "Seq Scan" && node["Actual Rows"] > 1_000),
    [],
  );
  assert.ok(
    nodes.some((node) => index.test(node["Index Name"] ?? "") && node["Actual Rows"] > 0),
    nodes.map((node) => `${node["Node Type"]} ${node["Index Name"] ?? ""}`).join("\n"),
  );
  for (const node of nodes)
    assert.ok(node["Actual Rows"] <= 100, `${node["Node Type"]} read ${node["Actual Rows"]}`);
}

test("S26: the rows are there, and row-level security shows a two-hundredth of them", async () => {
  const counted = await api.transaction({ userId, workspaceIds: [mine] }, (tx) =>
    tx.one<{ executions: number; workflows: number }>(sql`
      select (select count(*) from workflow_executions) as executions, (select count(*) from workflows) as workflows`),
  );
  assert.deepEqual(counted, { executions: MANY / TENANTS, workflows: SOME / TENANTS });
});

test("S26: executions of a tenant come from its index, the first page and a later one", async () => {
  const page = { workspaceIds: [mine], limit: 50 };
  const index = /workspace_id_id_idx|list_idx/;
  assertOwnIndex(await planOf((tx) => listExecutions(tx, page)), index);
  const first = await api.transaction({ userId, workspaceIds: [mine] }, (tx) => listExecutions(tx, page));
  assert.equal(first.length, 50);
  const before = first.at(-1)?.id as string;
  assertOwnIndex(await planOf((tx) => listExecutions(tx, { ...page, before })), index);
});

test("S26: workflows of a tenant come from its index", async () => {
  const plan = await planOf((tx) => listWorkflows(tx, { workspaceIds: [mine], limit: 50 }));
  assertOwnIndex(plan, /^workflows_list_idx$/);
});

test("S26: files of a tenant come from their index", async () => {
  await admin.query(
    `insert into files (id, workspace_id, owner_id, name, content_type, completed_at)
     select gen_random_uuid(), ($1::uuid[])[n % ${TENANTS} + 1], $2, 'f', 'text/plain', now()
     from generate_series(1, ${SOME / 4}) n`,
    [workspaces, userId],
  );
  await admin.query("analyze files");
  const plan = await planOf((tx) => listFiles(tx, { workspaceIds: [mine], limit: 50 }));
  assertOwnIndex(plan, /^files_list_idx$/);
});
