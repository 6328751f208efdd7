import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createScriptRunner } from "#core/script/script-runner.ts";
import { createWorkflowVersionService } from "#core/services/workflows/workflow-versions.ts";
import { createWorkflowService } from "#core/services/workflows/workflows.ts";
import { type RouteServer, startRouteServer } from "../../test/support/route-server.ts";
import { createWorkflowVersionRoutes } from "./workflow-versions.ts";
import { createWorkflowRoutes } from "./workflows.ts";

type Person = Awaited<ReturnType<RouteServer["addPerson"]>>;
type Workflow = { id: string; name: string; version: number; graph: unknown };
type Version = { version: number; contentHash: string; note: string; createdBy: string; graph?: unknown };
type Failure = { code: string; errors?: Array<Record<string, string>>; details?: Record<string, unknown> };

let server: RouteServer;
let alice: Person;
let bob: Person;

before(async () => {
  server = await startRouteServer((database) => [
    ...createWorkflowRoutes({
      workflows: createWorkflowService({ database, scripts: createScriptRunner() }),
    }),
    ...createWorkflowVersionRoutes({ versions: createWorkflowVersionService({ database }) }),
  ]);
  alice = await server.addPerson("alice");
  bob = await server.addPerson("bob");
});

after(() => server?.close());

const graphOf = (value: unknown) => ({
  nodes: [
    { id: "start", type: "trigger.manual", data: {} },
    { id: "total", type: "data.transform", data: { config: { value } } },
  ],
  edges: [{ id: "e1", source: "start", target: "total" }],
});

async function create(name: string, value: unknown = 1): Promise<Workflow> {
  const made = await server.call<Workflow>(alice, "POST", "/api/workflows", { name, graph: graphOf(value) });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body;
}

const put = <Body = Workflow>(id: string, change: unknown) =>
  server.call<Body>(alice, "PUT", `/api/workflows/${id}`, change);

async function versionsOf(id: string): Promise<Version[]> {
  const page = await server.call<{ items: Version[] }>(
    alice,
    "GET",
    `/api/workflows/${id}/versions?limit=200`,
  );
  assert.equal(page.status, 200);
  return page.body.items;
}

const actionsOn = async (id: string) => {
  const { rows } = await server.admin.query(
    "select action, details from audit_logs where target_id = $1 order by seq",
    [id],
  );
  return rows;
};

test("a changed graph is a new version, an equal one or a new name is none", async () => {
  const { id } = await create("steps");
  const changed = await put(id, { graph: graphOf(2), note: "doubled", expectedVersion: 1 });
  assert.deepEqual([changed.status, changed.body.version], [200, 2]);
  assert.deepEqual(changed.body.graph, graphOf(2));
  // The same graph with its keys in another order.
  const { nodes, edges } = graphOf(2);
  const same = await put(id, { graph: { edges, nodes }, note: "again" });
  assert.equal(same.body.version, 2);
  const renamed = await put(id, { name: "renamed", description: "why" });
  assert.deepEqual([renamed.body.version, renamed.body.name], [2, "renamed"]);
  assert.equal((await put(id, {})).body.version, 2);
  const lost = await put(id, { note: "a note to nothing" });
  assert.deepEqual([lost.status, "code" in lost.body && lost.body.code], [400, "invalid_request"]);

  const versions = await versionsOf(id);
  assert.deepEqual(
    versions.map(({ version, note, createdBy }) => ({ version, note, createdBy })),
    [
      { version: 2, note: "doubled", createdBy: alice.userId },
      { version: 1, note: "", createdBy: alice.userId },
    ],
  );
  assert.match(versions[0]?.contentHash ?? "", /^[0-9a-f]{64}$/);
  assert.equal("graph" in (versions[0] ?? {}), false);
  const first = await server.call<Version>(alice, "GET", `/api/workflows/${id}/versions/1`);
  assert.deepEqual(first.body.graph, graphOf(1));
  assert.deepEqual(await actionsOn(id), [
    { action: "workflow.created", details: { name: "steps" } },
    { action: "workflow.updated", details: { fields: ["graph"], version: 2 } },
    { action: "workflow.updated", details: { fields: ["name", "description"], version: 2 } },
  ]);
});

test("a stale expectedVersion answers 409 with the current one and changes nothing", async () => {
  const { id } = await create("contended");
  await put(id, { graph: graphOf(2) });
  const stale = await put<Failure>(id, { name: "lost", graph: graphOf(3), expectedVersion: 1 });
  assert.deepEqual([stale.status, stale.body.code], [409, "version_conflict"]);
  assert.deepEqual(stale.body.details, { currentVersion: 2 });
  const read = await server.call<Workflow>(alice, "GET", `/api/workflows/${id}`);
  assert.deepEqual([read.body.version, read.body.name], [2, "contended"]);
});

test("an invalid graph is refused at a change too", async () => {
  const { id } = await create("guarded");
  const graph = { nodes: [{ id: "a", type: "no.such" }], edges: [] };
  const refused = await put<Failure>(id, { graph });
  assert.deepEqual([refused.status, refused.body.code], [422, "invalid_graph"]);
  assert.equal((await put<Failure>(id, { graph: null })).status, 422);
  assert.equal((await versionsOf(id)).length, 1);
});

test("twenty changes at once become twenty versions in a row, none lost", async () => {
  const { id } = await create("busy", "start");
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => put(id, { graph: graphOf(index) })),
  );
  assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200]);
  const expected = Array.from({ length: 20 }, (_, index) => index + 2);
  assert.deepEqual(
    answers.map((answer) => answer.body.version).sort((x, y) => x - y),
    expected,
  );
  for (const { body } of answers) {
    const stored = await server.call<Version>(alice, "GET", `/api/workflows/${id}/versions/${body.version}`);
    assert.deepEqual(stored.body.graph, body.graph, "an answer shows its own version's graph");
  }
});

test("of twenty changes that expect the same version one wins", async () => {
  const { id } = await create("race", "start");
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => put(id, { graph: graphOf(index), expectedVersion: 1 })),
  );
  const statuses = answers.map((answer) => answer.status).sort();
  assert.deepEqual(statuses, [200, ...Array.from({ length: 19 }, () => 409)]);
  assert.equal((await versionsOf(id)).length, 2);
});

test("the versions come in pages", async () => {
  const { id } = await create("long", 0);
  for (const value of [1, 2, 3, 4]) await put(id, { graph: graphOf(value) });
  const seen: number[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const query: string = cursor === "" ? "limit=2" : `limit=2&cursor=${cursor}`;
    const page = await server.call<{ items: Version[]; nextCursor: string | null }>(
      alice,
      "GET",
      `/api/workflows/${id}/versions?${query}`,
    );
    seen.push(...page.body.items.map((item) => item.version));
    cursor = page.body.nextCursor;
  }
  assert.deepEqual(seen, [5, 4, 3, 2, 1]);
});

test("a diff names what was added, removed and changed", async () => {
  const { id } = await create("compared", 1);
  const graph = graphOf(2);
  graph.nodes.push({ id: "more", type: "data.transform", data: { config: { value: 3 } } });
  graph.edges.push({ id: "e2", source: "total", target: "more" });
  await put(id, { graph });
  type Diff = {
    nodes: { added: Array<{ id: string }>; removed: unknown[]; changed: unknown[] };
    edges: { added: unknown[] };
  };
  const { body } = await server.call<Diff>(alice, "GET", `/api/workflows/${id}/versions/1/diff/2`);
  assert.deepEqual(
    body.nodes.added.map((node) => node.id),
    ["more"],
  );
  assert.deepEqual(body.nodes.removed, []);
  assert.deepEqual(body.nodes.changed, [
    { id: "total", changes: [{ path: "data.config.value", before: 1, after: 2 }] },
  ]);
  assert.deepEqual(body.edges.added, [{ id: "e2", source: "total", target: "more" }]);
  for (const path of ["1/diff/3", "0/diff/1", "x/diff/1", "1/diff/99999999999"]) {
    assert.equal(
      (await server.call(alice, "GET", `/api/workflows/${id}/versions/${path}`)).status,
      404,
      path,
    );
  }
});

test("restoring makes a new version of the old graph; the current one again is nothing new", async () => {
  const { id } = await create("restored", 1);
  await put(id, { graph: graphOf(2) });
  const restore = (version: number) =>
    server.call<Workflow>(alice, "POST", `/api/workflows/${id}/versions/${version}/restore`);
  const restored = await restore(1);
  assert.deepEqual([restored.status, restored.body.version], [200, 3]);
  assert.deepEqual(restored.body.graph, graphOf(1));
  assert.equal((await restore(1)).body.version, 3);
  assert.equal((await restore(3)).body.version, 3);
  assert.equal((await restore(9)).status, 404);
  const versions = await versionsOf(id);
  assert.deepEqual(
    versions.map(({ version, note }) => [version, note]),
    [
      [3, "Restored from version 1"],
      [2, ""],
      [1, ""],
    ],
  );
  assert.equal(versions[0]?.contentHash, versions[2]?.contentHash);
  assert.deepEqual((await actionsOn(id)).at(-1), {
    action: "workflow.restored",
    details: { from: 1, version: 3 },
  });
});

test("an error workflow must be a living one of the same workspace", async () => {
  const own = await create("on error");
  const foreign = await server.call<Workflow>(bob, "POST", "/api/workflows", {
    name: "b",
    graph: graphOf(1),
  });
  const save = (errorWorkflowId: string) =>
    server.call<Failure>(alice, "POST", "/api/workflows", {
      name: "main",
      graph: { ...graphOf(1), settings: { errorWorkflowId } },
    });
  assert.equal((await save(own.id)).status, 201);
  assert.equal((await save(foreign.body.id)).status, 404);
  await server.call(alice, "DELETE", `/api/workflows/${own.id}`);
  const refused = await save(own.id);
  assert.equal(refused.status, 404);
  assert.equal(refused.body.errors?.[0]?.path, "settings.errorWorkflowId");
});

test("an old version that cites what is gone is not restored", async () => {
  const own = await create("handler");
  const graph = { ...graphOf(1), settings: { errorWorkflowId: own.id } };
  const made = await server.call<Workflow>(alice, "POST", "/api/workflows", { name: "main", graph });
  await put(made.body.id, { graph: graphOf(2) });
  await server.call(alice, "DELETE", `/api/workflows/${own.id}`);
  const path = `/api/workflows/${made.body.id}/versions/1/restore`;
  assert.equal((await server.call(alice, "POST", path)).status, 404);
  assert.equal((await versionsOf(made.body.id)).length, 2);
});
