// Compiled versions: loaded once, together, and again after a failure.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import type { Database } from "#core/persistence/database.ts";
import { testCatalogue } from "../test/support/engine.ts";
import { createExecutionBed, type ExecutionBed } from "../test/support/executions.ts";
import { createWorkflowCache } from "./workflow-cache.ts";

let bed: ExecutionBed;
let person: { userId: string; workspaceId: string };

before(async () => {
  bed = await createExecutionBed();
  person = await bed.addPerson();
});
after(() => bed?.close());

/** The same database, counting what is asked of it. */
function counting(database: Database) {
  const counts = { queries: 0 };
  const one: Database["one"] = (statement) => {
    counts.queries++;
    return database.one(statement);
  };
  return { counts, database: { ...database, one } };
}

test("a version is read and compiled once, however many ask at once and later", async () => {
  const { counts, database } = counting(bed.open("atelier_worker"));
  const cache = createWorkflowCache(database, testCatalogue());
  const id = await bed.addWorkflow(person);
  const found = await Promise.all(Array.from({ length: 20 }, () => cache.get(id, 1)));
  found.push(await cache.get(id, 1));
  assert.equal(counts.queries, 1);
  assert.equal(new Set(found).size, 1);
});

test("a version that is missing is refused each time, and found once it is there", async () => {
  const cache = createWorkflowCache(bed.open("atelier_worker"), testCatalogue());
  await assert.rejects(cache.get(uuidv7(), 1), { code: "invalid_version" });
  const id = await bed.addWorkflow(person);
  await assert.rejects(cache.get(id, 2), { code: "invalid_version" });
  await bed.admin.query(
    `insert into workflow_versions (workspace_id, workflow_id, version, content_hash, graph, created_by)
     select workspace_id, workflow_id, 2, content_hash, graph, created_by from workflow_versions where workflow_id = $1`,
    [id],
  );
  assert.equal((await cache.get(id, 2)).graph.nodes.size, 1);
});

test("more than 500 versions push out the one not asked for longest", async () => {
  const { counts, database } = counting(bed.open("atelier_worker"));
  const cache = createWorkflowCache(database, testCatalogue());
  const ids: string[] = [];
  for (let n = 0; n < 501; n++) ids.push(await bed.addWorkflow(person));
  const [oldest = "", second = ""] = ids;
  await cache.get(oldest, 1);
  await cache.get(second, 1);
  await cache.get(oldest, 1);
  for (const id of ids.slice(2)) await cache.get(id, 1);
  const before = counts.queries;
  await cache.get(oldest, 1);
  assert.equal(counts.queries, before, "asked for again, it stays");
  await cache.get(second, 1);
  assert.equal(counts.queries, before + 1);
});
