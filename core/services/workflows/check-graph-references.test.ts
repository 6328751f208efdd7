import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { seedTenant, type Tenant } from "../../../test/security/seed-tenant.ts";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { AppError } from "../../domain/app-error.ts";
import type { Graph } from "../../domain/graph.ts";
import { createDatabase, type Database } from "../../persistence/database.ts";
import { checkGraphReferences } from "./check-graph-references.ts";

let testDatabase: TestDatabase;
let database: Database;
let alice: Tenant;
let bob: Tenant;

before(async () => {
  testDatabase = await createTestDatabase();
  database = createDatabase({
    databaseUrl: testDatabase.databaseUrl,
    role: "atelier_api",
    maxConnections: 2,
  });
  const admin = new pg.Client({ connectionString: testDatabase.adminUrl });
  await admin.connect();
  alice = await seedTenant(admin, "alice");
  bob = await seedTenant(admin, "bob");
  await admin.query("update files set completed_at = now()");
  await admin.end();
});

after(async () => {
  await database?.close();
  await testDatabase?.drop();
});

const check = (graph: Graph, workspaceIds = [alice.workspaceId]) =>
  database.transaction({ userId: alice.userId, workspaceIds }, (tx) =>
    checkGraphReferences(tx, alice.workspaceId, graph),
  );

const citing = (credentialId: string): Graph => ({
  nodes: [{ id: "call", type: "http.request", data: { credentials: { auth: credentialId } } }],
  edges: [],
});
const nesting = (workflowId: unknown): Graph => ({
  nodes: [{ id: "sub", type: "flow.subworkflow", data: { config: { workflowId } } }],
  edges: [],
});

async function problemsOf(run: Promise<void>): Promise<AppError["problems"]> {
  const error = await run.then(
    () => assert.fail("the graph passed"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AppError);
  assert.equal(error.code, "not_found");
  return error.problems;
}

test("what lives in the graph's workspace may be cited", async () => {
  await check(citing(alice.ids.credential));
  await check(citing(alice.ids.credential.toUpperCase()));
  await check(nesting(alice.ids.workflow));
  await check(nesting("{{ input.which }}"));
  await check({ nodes: [], edges: [], settings: { errorWorkflowId: alice.ids.workflow } });
});

test("foreign and missing credentials look the same and name their place", async () => {
  for (const id of [bob.ids.credential, uuidv7()]) {
    assert.deepEqual(await problemsOf(check(citing(id))), [
      {
        path: "nodes.0.data.credentials.auth",
        message: "no such credential in this workspace",
        code: "unknown_credential",
        nodeId: "call",
      },
    ]);
  }
});

const filing = (file: unknown, part = "config"): Graph => ({
  nodes: [{ id: "read", type: "data.transform", data: { [part]: { value: [{ $file: file }] } } }],
  edges: [],
});

test("files in a config or in pinned data are cited too", async () => {
  for (const id of [bob.ids.file, uuidv7(), "no uuid"]) {
    for (const part of ["config", "pinned"]) {
      assert.deepEqual(await problemsOf(check(filing(id, part), [alice.workspaceId, bob.workspaceId])), [
        {
          path: `nodes.0.data.${part}`,
          message: "no such file in this workspace",
          code: "unknown_file",
          nodeId: "read",
        },
      ]);
    }
  }
  await check(filing(alice.ids.file.toUpperCase()));
  await check(filing("{{ input.file }}"));
});

test("another workspace of the same person does not lend its credentials", async () => {
  const both = [alice.workspaceId, bob.workspaceId];
  assert.equal((await problemsOf(check(citing(bob.ids.credential), both))).length, 1);
});

test("foreign, missing and malformed workflow ids are all told at once", async () => {
  const graph: Graph = {
    nodes: [bob.ids.workflow, uuidv7(), "no uuid"].flatMap((id) => nesting(id).nodes),
    edges: [],
    settings: { errorWorkflowId: bob.ids.workflow },
  };
  assert.deepEqual(
    (await problemsOf(check(graph))).map((problem) => problem.path),
    [
      "nodes.0.data.config.workflowId",
      "nodes.1.data.config.workflowId",
      "nodes.2.data.config.workflowId",
      "settings.errorWorkflowId",
    ],
  );
});
