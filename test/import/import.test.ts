import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyAuditChain } from "../../core/persistence/audit/verify-audit-chain.ts";
import { findSealedCredentials } from "../../core/persistence/credentials/credentials.ts";
import { sql } from "../../core/persistence/sql.ts";
import { validateGraph } from "../../core/services/workflows/validate-graph.ts";
import { exitCodeOf, KINDS, type Report } from "../../scripts/import/report.ts";
import { asAdmin } from "../support/query.ts";
import {
  COUNTED_TABLES,
  copySample,
  createInstallation,
  FILE_TIME,
  type Installation,
} from "./import-fixture.ts";

const ALL = { workflows: 3, versions: 5, executions: 4, steps: 8, credentials: 3, "audit entries": 6 };
const NONE = Object.fromEntries(KINDS.map((kind) => [kind, 0]));

const pick = ({ counts }: Report, what: "read" | "written" | "skipped") =>
  Object.fromEntries(KINDS.map((kind) => [kind, counts[kind][what]]));

async function countRows(installation: Installation): Promise<Record<string, number>> {
  const columns = COUNTED_TABLES.map((table) => `(select count(*)::int from ${table}) as ${table}`).join(
    ", ",
  );
  const [counts] = await asAdmin<Record<string, number>>(installation, `select ${columns}`);
  return counts ?? {};
}

test("the whole sample is imported once, and a second import changes nothing", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  const first = await installation.run(folder);
  assert.deepEqual(first.unreadable, []);
  assert.equal(exitCodeOf(first), 0);
  assert.deepEqual(pick(first, "read"), ALL);
  assert.deepEqual(pick(first, "written"), ALL);
  assert.deepEqual(pick(first, "skipped"), NONE);
  const rows = await countRows(installation);
  assert.deepEqual(rows, {
    workflows: 3,
    workflow_versions: 5,
    workflow_executions: 4,
    execution_steps: 8,
    credentials: 3,
    // The six lines, and an entry of its own for each thing that was imported.
    audit_logs: 6 + 3 + 4 + 3,
  });
  const second = await installation.run(folder);
  assert.deepEqual(pick(second, "skipped"), ALL);
  assert.deepEqual(pick(second, "written"), NONE);
  assert.deepEqual(await countRows(installation), rows);
  assert.deepEqual(
    await installation.db.transaction({ workspaceIds: [installation.workspaceId] }, (tx) =>
      verifyAuditChain(tx, installation.workspaceId),
    ),
    { ok: true, checked: 16 },
  );
});

test("a dry run reports the same and leaves the database as it was", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  const before = await countRows(installation);
  const dry = await installation.run(folder, { dryRun: true });
  assert.deepEqual(await countRows(installation), before);
  const tables = "select count(*)::int as n from pg_class where relkind = 'r'";
  const [{ n: left } = { n: 0 }] = await asAdmin<{ n: number }>(
    installation,
    "select count(*)::int as n from key_canaries",
  );
  assert.equal(left, 0);
  const partitions = await asAdmin(installation, tables);
  assert.deepEqual(await installation.run(folder), dry);
  assert.notDeepEqual(await asAdmin(installation, tables), partitions, "only the real one makes partitions");
});

test("references follow the renamed nodes, and the renamed workflow is valid", async (t) => {
  const installation = await createInstallation(t);
  const report = await installation.run(copySample(t));
  const [row] = await installation.rows<{ graph: Record<string, never[]> }>(sql`
    select v.graph from workflows w join workflow_versions v on v.workflow_id = w.id and v.version = w.version
    where w.legacy_id = 'wf-1715'`);
  const graph = row?.graph as unknown as {
    nodes: { id: string; type: string; data: { config?: Record<string, unknown> } }[];
    edges: { source: string; target: string }[];
  };
  assert.deepEqual(validateGraph(graph).problems, []);
  const ids = graph.nodes.map(({ id }) => id);
  assert.deepEqual(ids, ["start", "fetch_order", "calc_total", "n2", "book", "refuse"]);
  assert.ok(graph.edges.every(({ source, target }) => ids.includes(source) && ids.includes(target)));
  assert.deepEqual(graph.nodes[2]?.data.config, {
    value: {
      lines: "{{ nodes.fetch_order.body.lines }}",
      total: "{{ $sum(nodes.fetch_order.body.lines.(qty * price)) }}",
      note: "nodes.fetch-order stays text here",
    },
  });
  assert.deepEqual(graph.nodes[3]?.data.config, {
    when: '{{ nodes.calc_total.total > 1000 and "nodes.\'calc total\'" != "" }}',
  });
  assert.equal(
    graph.nodes[5]?.data.config?.message,
    "Order {{ input.orderId }} of {{ nodes.calc_total.total }} EUR needs a signature",
  );
  const renamed = report.renamed.filter(({ file }) => file === "workflows/purchase-order.json");
  assert.deepEqual(
    renamed.map(({ from, to }) => [from, to]),
    [
      ["fetch-order", "fetch_order"],
      ["calc total", "calc_total"],
      ["2", "n2"],
    ],
  );
});

test("what the platform does not know is kept, and named as what is left to do", async (t) => {
  const installation = await createInstallation(t);
  const report = await installation.run(copySample(t));
  const [row] = await installation.rows<{ graph: { nodes: Record<string, unknown>[] } }>(sql`
    select v.graph from workflows w join workflow_versions v on v.workflow_id = w.id
    where w.legacy_id = 'wf-1802'`);
  const [credential] = await installation.rows<{ id: string }>(sql`
    select id from credentials where legacy_id = 'Model API'`);
  assert.deepEqual(row?.graph.nodes.slice(1), [
    {
      id: "node_2",
      type: "llm",
      position: { x: 200, y: 0 },
      data: {
        label: "Write a welcome",
        credentials: { model: credential?.id },
        config: { model: "small-1", prompt: "Welcome {{ input.name }}" },
      },
      legacy: { credentials: { backup: "gone" } },
    },
    {
      id: "node_3",
      type: "email",
      position: { x: 400, y: 0 },
      data: { label: "Send", config: { to: "{{ input.email }}", body: "{{ nodes.node_2.text }}" } },
      legacy: { retries: 3 },
    },
  ]);
  const unknown = report.problems.filter(({ file }) => file.endsWith("customer-onboarding.json"));
  assert.deepEqual(
    unknown.map(({ nodeId }) => nodeId),
    ["node_2", "node_3"],
  );
  assert.equal(report.remarks.length, 2, "and both things put aside are named");
});

test("times are kept, in the rows and in the ids", async (t) => {
  const installation = await createInstallation(t);
  await installation.run(copySample(t));
  const workflows = await installation.rows(sql`select name, version, created_at as "createdAt",
    updated_at as "updatedAt", legacy_id as "legacyId", uuid_extract_timestamp(id) as "idTime"
    from workflows order by id`);
  const time = (createdAt: string, updatedAt = createdAt) => ({ createdAt, updatedAt, idTime: createdAt });
  assert.deepEqual(workflows, [
    { name: "Nightly report", version: 1, legacyId: "nightly-report", ...time(FILE_TIME) },
    {
      name: "Purchase order",
      version: 3,
      legacyId: "wf-1715",
      ...time("2023-03-01T08:00:00.000Z", "2024-05-02T12:30:00.000Z"),
    },
    { name: "Customer onboarding", version: 1, legacyId: "wf-1802", ...time("2023-11-01T00:00:00.000Z") },
  ]);
  const versions = await installation.rows<{ createdAt: string }>(sql`
    select v.version, v.note, v.created_at as "createdAt" from workflow_versions v
    join workflows w on w.id = v.workflow_id where w.legacy_id = 'wf-1715' order by v.version`);
  assert.deepEqual(versions, [
    { version: 1, note: "by ana, imported", createdAt: "2023-03-01T08:00:00.000Z" },
    { version: 2, note: "by bo, imported", createdAt: "2023-09-10T09:15:00.000Z" },
    { version: 3, note: "imported", createdAt: "2024-05-02T12:30:00.000Z" },
  ]);
  const executions = await installation.rows(sql`
    select legacy_id as "legacyId", version, status, error ->> 'code' as code, error ->> 'nodeId' as "nodeId",
      uuid_extract_timestamp(id) as "idTime", started_at as "startedAt", finished_at as "finishedAt",
      tableoid::regclass::text as partition
    from workflow_executions order by id`);
  const execution = (
    legacyId: string,
    version: number,
    status: string,
    started: string,
    finished: string,
  ) => ({
    ...{ legacyId, version, status, code: null, nodeId: null },
    ...{ idTime: started, startedAt: started, finishedAt: finished },
    partition: `workflow_executions_${started.slice(0, 7).replace("-", "")}`,
  });
  assert.deepEqual(executions, [
    execution("17", 1, "cancelled", "2023-03-05T07:06:40.000Z", "2023-03-05T07:07:40.000Z"),
    execution("ex-9001", 3, "succeeded", "2024-05-03T10:00:00.000Z", "2024-05-03T10:00:02.500Z"),
    {
      ...execution("ex-9002", 3, "failed", "2024-05-04T06:30:00.000Z", "2024-05-04T06:30:01.250Z"),
      ...{ code: "imported_error", nodeId: "calc_total" },
    },
    {
      ...execution("ex-9003", 1, "failed", "2024-05-05T00:00:00.000Z", "2024-05-05T00:00:00.000Z"),
      code: "imported_unfinished",
    },
  ]);
});

test("steps become the journal, under the new node ids, an attempt for each time", async (t) => {
  const installation = await createInstallation(t);
  await installation.run(copySample(t));
  const steps = await installation.rows(sql`
    select s.node_id as "nodeId", s.node_type as "nodeType", s.attempt, s.status, s.error ->> 'message' as message
    from execution_steps s join workflow_executions e on e.id = s.execution_id
    where e.legacy_id = 'ex-9001' order by seq`);
  const step = (
    nodeId: string,
    nodeType: string,
    attempt = 1,
    status = "succeeded",
    message: string | null = null,
  ) => ({
    ...{ nodeId, nodeType, attempt, status, message },
  });
  assert.deepEqual(steps, [
    step("start", "trigger.manual"),
    step("fetch_order", "http.request", 1, "failed", "socket hang up"),
    step("fetch_order", "http.request", 2),
    step("calc_total", "data.transform"),
    step("book", "data.transform"),
  ]);
});

test("credentials are nowhere in plain text, and open with the installation's key", async (t) => {
  const installation = await createInstallation(t);
  await installation.run(copySample(t));
  const tables = await asAdmin<{ name: string }>(
    installation,
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'bullmq', 'pgboss')",
  );
  // Long enough that random bytes do not spell them.
  const secrets = ["shop-secret-4711", "model-secret-0815", "pg-secret-99"];
  const pattern = secrets.flatMap((text) => [text, Buffer.from(text).toString("hex")]).join("|");
  for (const { name } of tables) {
    const [found] = await asAdmin<{ n: number }>(
      installation,
      `select count(*)::int as n from ${name} r where r::text ~ '${pattern}'`,
    );
    assert.equal(found?.n, 0, name);
  }
  const { db, envelope, workspaceId } = installation;
  const rows = await installation.rows<{ id: string; type: string }>(
    sql`select id, type from credentials order by name`,
  );
  const opened = [];
  for (const { id, type } of rows) {
    const [sealed] = await db.transaction({ workspaceIds: [workspaceId] }, (tx) =>
      findSealedCredentials(tx, [id]),
    );
    assert.ok(sealed);
    const plain = await envelope.open(sealed, { purpose: "credential", workspaceId, id, type });
    opened.push([type, JSON.parse(plain.toString())]);
  }
  assert.deepEqual(opened, [
    ["postgres", { url: "postgres://books:pg-secret-99-mnopqr@db.example.com/books" }],
    ["modelApiKey", { apiKey: "model-secret-0815-ghijkl" }],
    ["http.bearer", { token: "shop-secret-4711-abcdef" }],
  ]);
});

test("the old log is in the chain, marked as imported, with its times; equal lines stay two", async (t) => {
  const installation = await createInstallation(t);
  await installation.run(copySample(t));
  const entries = await installation.rows<{ details: { original: object } }>(sql`
    select at, action, target_type as "targetType", target_id as "targetId", actor_id as "actorId", details
    from audit_logs where action like 'imported.%' order by seq`);
  assert.equal(entries.length, 6);
  const { details, ...first } = entries[0] ?? { details: { original: {} } };
  assert.deepEqual(first, {
    at: "2023-03-01T08:00:00.000Z",
    action: "imported.workflow.create",
    targetType: "workflow",
    targetId: "wf-1715",
    actorId: null,
  });
  assert.deepEqual(details.original, {
    timestamp: "2023-03-01T08:00:00.000Z",
    user: "ana",
    resource: "workflow:wf-1715",
    details: { name: "Purchase order" },
  });
  const message = "Execution ex-9002 failed";
  assert.deepEqual(
    entries.slice(3, 5).map((entry) => entry.details.original),
    [
      { timestamp: "2024-05-04 06:30:01,250", level: "ERROR", message },
      { timestamp: "2024-05-04 06:30:01,250", level: "ERROR", message },
    ],
  );
});

test("two people can import the same folder, each into a workspace of their own", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  await installation.run(folder);
  await installation.register("bo@example.com");
  const theirs = await installation.run(folder, { email: "bo@example.com" });
  assert.deepEqual(pick(theirs, "written"), ALL);
  assert.equal((await countRows(installation)).workflows, 6);
  assert.equal(
    (await installation.rows(sql`select id from workflows`)).length,
    3,
    "row-level security keeps them apart",
  );
});
