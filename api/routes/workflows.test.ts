import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createScriptRunner } from "#core/script/script-runner.ts";
import { createWorkflowVersionService } from "#core/services/workflows/workflow-versions.ts";
import { createWorkflowService } from "#core/services/workflows/workflows.ts";
import { type RouteServer, startRouteServer } from "../../test/support/route-server.ts";
import { createWorkflowVersionRoutes } from "./workflow-versions.ts";
import { createWorkflowRoutes } from "./workflows.ts";

type Person = Awaited<ReturnType<RouteServer["addPerson"]>>;
type Workflow = {
  id: string;
  workspaceId: string;
  name: string;
  version: number;
  graph: unknown;
  updatedAt: string;
};
type Failure = { code: string; errors?: Array<Record<string, string>>; details?: Record<string, unknown> };

let server: RouteServer;
let alice: Person;
let bob: Person;
let vera: Person;

before(async () => {
  server = await startRouteServer((database) => [
    ...createWorkflowRoutes({
      workflows: createWorkflowService({ database, scripts: createScriptRunner() }),
    }),
    ...createWorkflowVersionRoutes({ versions: createWorkflowVersionService({ database }) }),
  ]);
  alice = await server.addPerson("alice");
  bob = await server.addPerson("bob");
  vera = await server.addPerson("vera");
  await server.addMember(vera, alice.workspaceId, "viewer");
});

after(() => server?.close());

const graphOf = (value: unknown) => ({
  nodes: [
    { id: "start", type: "trigger.manual", position: { x: 0, y: 0 }, data: {} },
    { id: "total", type: "data.transform", position: { x: 220, y: 0 }, data: { config: { value } } },
  ],
  edges: [{ id: "e1", source: "start", target: "total" }],
});

async function create(person: Person, name: string, value: unknown = 1): Promise<Workflow> {
  const made = await server.call<Workflow>(person, "POST", "/api/workflows", { name, graph: graphOf(value) });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body;
}

const auditOf = async (id: string) => {
  const { rows } = await server.admin.query(
    "select action, actor_id, details from audit_logs where target_id = $1 order by seq",
    [id],
  );
  return rows;
};

test("a created workflow has version 1 in the personal workspace, its graph, and an audit entry", async () => {
  const body = { name: "  Orders ", description: "d", graph: graphOf("{{ input.qty }}") };
  const made = await server.call<Workflow>(alice, "POST", "/api/workflows", body);
  assert.equal(made.status, 201);
  assert.equal(made.headers.get("location"), `/api/workflows/${made.body.id}`);
  assert.deepEqual(Object.keys(made.body).sort(), [
    "createdAt",
    "description",
    "graph",
    "id",
    "name",
    "updatedAt",
    "version",
    "workspaceId",
  ]);
  assert.equal(made.body.workspaceId, alice.workspaceId);
  assert.equal(made.body.name, "Orders");
  assert.equal(made.body.version, 1);
  assert.deepEqual(made.body.graph, body.graph);
  const read = await server.call<Workflow>(alice, "GET", `/api/workflows/${made.body.id}`);
  assert.deepEqual(read.body, made.body);
  assert.deepEqual(await auditOf(made.body.id), [
    { action: "workflow.created", actor_id: alice.userId, details: { name: "Orders" } },
  ]);
});

test("an invalid graph is refused with every problem, and nothing is left of the attempt", async () => {
  const graph = {
    nodes: [
      { id: "start", type: "trigger.manual" },
      { id: "odd", type: "no.such" },
      { id: "bad id", type: "data.transform", data: { config: { value: "{{ 1 + }}" } } },
    ],
    edges: [
      { source: "start", target: "odd" },
      { source: "odd", target: "nowhere" },
    ],
  };
  const before = await server.admin.query("select count(*) from workflows");
  const refused = await server.call<Failure>(alice, "POST", "/api/workflows", { name: "x", graph });
  assert.equal(refused.status, 422);
  assert.equal(refused.body.code, "invalid_graph");
  assert.ok((refused.body.errors ?? []).length >= 4, JSON.stringify(refused.body.errors));
  for (const problem of refused.body.errors ?? []) {
    assert.ok(problem.path !== undefined && problem.message && problem.code, JSON.stringify(problem));
  }
  assert.ok(refused.body.errors?.some((problem) => problem.nodeId === "odd"));
  const after = await server.admin.query("select count(*) from workflows");
  assert.deepEqual(after.rows, before.rows);

  const checked = await server.call<{ valid: boolean; problems: unknown[] }>(
    bob,
    "POST",
    "/api/workflows/validate",
    { graph },
  );
  assert.equal(checked.status, 200);
  assert.equal(checked.body.valid, false);
  assert.deepEqual(checked.body.problems, refused.body.errors);
  const fine = await server.call(bob, "POST", "/api/workflows/validate", { graph: graphOf(1) });
  assert.deepEqual(fine.body, { valid: true, problems: [] });
});

test("a graph of 10,000 nodes is refused and the server goes on", async () => {
  const nodes = Array.from({ length: 10_000 }, (_, index) => ({ id: `n${index}`, type: "trigger.manual" }));
  const graph = { nodes, edges: [] };
  const refused = await server.call<Failure>(alice, "POST", "/api/workflows", { name: "huge", graph });
  assert.equal(refused.status, 422);
  assert.equal(refused.body.code, "invalid_graph");
  await create(alice, "after the huge one");
});

test("bad input answers 400 with the place, wrong ids 404, never 5xx", async () => {
  const graph = graphOf(1);
  for (const [body, path] of [
    [{ graph }, "name"],
    [{ name: "x" }, "graph"],
    [{ name: " ", graph }, "name"],
    [{ name: "x".repeat(201), graph }, "name"],
    [{ name: 5, graph }, "name"],
    [{ name: "x", graph, extra: 1 }, "extra"],
    [{ name: "x\u0000", graph }, "name"],
    [{ name: "x", graph, workspaceId: "nope" }, "workspaceId"],
  ] as const) {
    const refused = await server.call<Failure>(alice, "POST", "/api/workflows", body);
    assert.equal(refused.status, 400, JSON.stringify(body).slice(0, 80));
    assert.equal(refused.body.errors?.[0]?.path, path);
  }
  assert.equal((await server.call(alice, "POST", "/api/workflows", "{oops")).status, 400);
  assert.equal((await server.call(alice, "GET", "/api/workflows/not-a-uuid")).status, 404);
  assert.equal((await server.call(alice, "GET", `/api/workflows/${uuidv7()}`)).status, 404);
  for (const query of ["limit=0", "limit=201", "cursor=zzz", "workspaceId=1", "nope=1"]) {
    assert.equal((await server.call(alice, "GET", `/api/workflows?${query}`)).status, 400, query);
  }
  const forged = Buffer.from('["x"]').toString("base64url");
  assert.equal((await server.call(alice, "GET", `/api/workflows?cursor=${forged}`)).status, 400);
});

test("lists go newest first over pages, without graphs, filtered by name, without foreign or archived ones", async () => {
  const carol = await server.addPerson("carol");
  const made = [];
  for (const name of ["Report 1", "report 100%", "other"]) made.push(await create(carol, name));
  const gone = await create(carol, "archived report");
  assert.equal((await server.call(carol, "DELETE", `/api/workflows/${gone.id}`)).status, 204);
  type Page = { items: Workflow[]; nextCursor: string | null };
  const list = (query: string) => server.call<Page>(carol, "GET", `/api/workflows?${query}`);
  const first = (await list("limit=2")).body;
  assert.deepEqual(
    first.items.map((item) => item.name),
    ["other", "report 100%"],
  );
  assert.equal("graph" in (first.items[0] ?? {}), false);
  const second = (await list(`limit=2&cursor=${first.nextCursor}`)).body;
  assert.deepEqual([second.items.map((item) => item.name), second.nextCursor], [["Report 1"], null]);
  assert.deepEqual(
    (await list("q=REPORT")).body.items.map((item) => item.name),
    ["report 100%", "Report 1"],
  );
  assert.deepEqual(
    (await list("q=0%25")).body.items.map((item) => item.name),
    ["report 100%"],
  );
  assert.deepEqual((await list("q=_")).body.items, [], "no wildcards");
  assert.equal((await list(`workspaceId=${carol.workspaceId}`)).body.items.length, 3);
  assert.equal((await list(`workspaceId=${alice.workspaceId}`)).status, 404);
});

test("a foreign workflow answers 404 on every route, a viewer's change and an auditor's look 403", async () => {
  const { id } = await create(alice, "private");
  const otto = await server.addPerson("otto");
  await server.addMember(otto, alice.workspaceId, "auditor");
  const change = { graph: graphOf(2) };
  const attempts = [
    ["GET", `/api/workflows/${id}`],
    ["PUT", `/api/workflows/${id}`, change],
    ["DELETE", `/api/workflows/${id}`],
    ["GET", `/api/workflows/${id}/versions`],
    ["GET", `/api/workflows/${id}/versions/1`],
    ["GET", `/api/workflows/${id}/versions/1/diff/1`],
    ["POST", `/api/workflows/${id}/versions/1/restore`],
  ] as const;
  for (const [method, path, body] of attempts) {
    const refused = await server.call<Failure>(bob, method, path, body);
    assert.deepEqual([refused.status, refused.body.code], [404, "not_found"], `${method} ${path}`);
    const viewed = await server.call(vera, method, path, body);
    assert.equal(viewed.status, method === "GET" ? 200 : 403, `${method} ${path} as viewer`);
    assert.equal((await server.call(otto, method, path, body)).status, 403, `${method} ${path} as auditor`);
  }
  const stolen = { name: "x", graph: graphOf(1), workspaceId: alice.workspaceId };
  assert.equal((await server.call(bob, "POST", "/api/workflows", stolen)).status, 404);
  assert.equal((await server.call(vera, "POST", "/api/workflows", stolen)).status, 403);
  assert.equal((await auditOf(id)).length, 1, "nothing but the creation happened");
});

test("archiving answers 204 then 404, and keeps the versions", async () => {
  const { id } = await create(alice, "short-lived");
  assert.equal((await server.call(alice, "DELETE", `/api/workflows/${id}`)).status, 204);
  assert.equal((await server.call(alice, "GET", `/api/workflows/${id}`)).status, 404);
  assert.equal((await server.call(alice, "DELETE", `/api/workflows/${id}`)).status, 404);
  assert.equal((await server.call(alice, "PUT", `/api/workflows/${id}`, { name: "x" })).status, 404);
  assert.equal((await server.call(alice, "POST", `/api/workflows/${id}/versions/1/restore`)).status, 404);
  assert.equal((await server.call(alice, "GET", `/api/workflows/${id}/versions/1`)).status, 200);
  assert.deepEqual(
    (await auditOf(id)).map((entry) => entry.action),
    ["workflow.created", "workflow.archived"],
  );
});
