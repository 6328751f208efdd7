// A10–A17, A20, A21, A27: other people's objects stay out of sight, however an id is spelt or a filter left out.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import type { ApiReply } from "../support/client.ts";
import { chain } from "../support/workflows.ts";
import { findForeign } from "./role-matrix/cells.ts";
import { type DocumentedRoute, listDocumented } from "./role-matrix/documented-routes.ts";
import { PERSONAS } from "./role-matrix/personas.ts";
import { REQUESTS } from "./role-matrix/requests.ts";
import { ownTarget, type Target } from "./role-matrix/targets.ts";
import { addVisitor, openWorld } from "./role-matrix/world.ts";

const world = await openWorld();
after(() => world.close());

const owner = PERSONAS.find(({ name }) => name === "owner");
assert.ok(owner);
const eve = await addVisitor(world, owner);
const own: Target = ownTarget(world.bed, eve);
const { request } = world.api;
const { token } = eve;
const { foreign } = world;

const routes = await listDocumented(world.api);
const lists = routes.filter(
  ({ method, path, action }) =>
    method === "get" && !path.includes("{") && action.includes(":") && action !== "instance:admin",
);
const isList = ({ body }: ApiReply<{ items?: unknown }>) => Array.isArray(body?.items);

// Things of every kind in sight, so that no list below is empty of its own.
const seen = {
  workflow: await own.workflow(),
  execution: await own.execution("succeeded"),
  file: await own.file(),
  credential: await own.credential(),
  schedule: await own.schedule(),
  workspace: eve.workspaceId,
};

const read = (path: string) => request("GET", path, { token });

for (const [numbers, what, path] of [
  ["A10", "workflow", (id: string) => `/api/workflows/${id}`],
  ["A11", "workflow version", (id: string) => `/api/workflows/${id}/versions/1`],
  ["A12", "execution", (id: string) => `/api/executions/${id}`],
  ["A13", "step log", (id: string) => `/api/executions/${id}/steps`],
  ["A13", "event stream", (id: string) => `/api/executions/${id}/events`],
  ["A14", "credential", (id: string) => `/api/credentials/${id}`],
  ["A15", "schedule", (id: string) => `/api/schedules/${id}`],
  ["A15", "schedule's history", (id: string) => `/api/schedules/${id}/history`],
  ["A15", "schedule's preview", (id: string) => `/api/schedules/${id}/preview`],
  ["A17", "workspace", (id: string) => `/api/workspaces/${id}`],
  ["A17", "list of members", (id: string) => `/api/workspaces/${id}/members`],
  ["A10–A17", "file", (id: string) => `/api/files/${id}`],
] as const) {
  test(`${numbers}: a foreign ${what} is answered as one that never was; one's own is there`, async () => {
    const [, , collection] = path("").split("/");
    const kind = collection?.slice(0, -1) as keyof typeof seen;
    const stranger = await read(path(kind === "workspace" ? foreign.workspaceId : world.tenant.ids[kind]));
    const nothing = await read(path(uuidv7()));
    assert.equal(stranger.status, 404);
    const anonymised = ({ text }: ApiReply) => text.replace(/"requestId":"[^"]*"/, "");
    assert.equal(anonymised(stranger), anonymised(nothing));
    assert.equal((await read(path(seen[kind]))).status, 200);
  });
}

test("A10–A17: no list shows a foreign row, nor takes a foreign workspace or workflow as a filter", async () => {
  assert.ok(lists.length >= 5, `${lists.length} lists`);
  for (const route of lists) {
    const all = await read(route.path);
    assert.equal(all.status, 200, route.name);
    assert.deepEqual(findForeign(world, route, all.text), [], route.name);
    for (const [name, id] of [
      ["workspaceId", foreign.workspaceId],
      ["workflowId", await foreign.workflow()],
    ] as const) {
      if (!route.queryParameters.includes(name)) continue;
      const asked = await read(`${route.path}?${name}=${id}`);
      const shown = asked.status === 200 && isList(asked) ? (asked.body.items as unknown[]) : [];
      assert.deepEqual(shown, [], `${route.name} by ${name}`);
      assert.ok(asked.status === 404 || isList(asked), `${route.name} by ${name}: ${asked.status}`);
    }
  }
});

/** Everything that could be mistaken for `id`, as it stands in an address. */
const variantsOf = (id: string) => [
  ...[`x${id}`, `${id}x`, `${id}0`, id.slice(1), id.slice(0, -1), id.replaceAll("-", ""), `urn:uuid:${id}`],
  ...[`%7B${id}%7D`, `%20${id}`, `${id}%20`, `${id}%0a`, `${id}%00`, `${id}%2f`, `${id}%2e`, `${id};a=b`],
  ...[
    `${id},${uuidv7()}`,
    `${id}%2525`,
    `%2e%2e%2f${id}`,
    `${id}*`,
    `${id}%25`,
    `${id}.json`,
    `%27${id}%27--`,
  ],
  // The same digits in full width, and a soft hyphen in between.
  ...[id.replace(/\d/, (digit) => encodeURIComponent(String.fromCodePoint(0xff10 + Number(digit))))],
  ...[id.replace("-", "%C2%AD-"), "undefined", "null", "0", "-1", "%5Bobject%20Object%5D"],
];

// What only administrators may call is shut to others before it looks at an id.
const ADMINS = ["instance:admin", "self:admin"];
const withId = routes.filter(({ path, action }) => path.includes("{id}") && !ADMINS.includes(action));

test("A20: a foreign id in another spelling is no other id, on every route that takes one", async (t) => {
  let calls = 0;
  for (const route of withId) {
    const plan = REQUESTS[route.name];
    assert.ok(plan, `Add "${route.name}" to test/security/role-matrix/requests.ts`);
    const { params = [], ...call } = await plan.call(foreign);
    const [id, ...rest] = params.map(String);
    for (const variant of [...variantsOf(id ?? ""), id?.toUpperCase() ?? ""]) {
      const reply = await callRoute(route, [variant, ...rest], call);
      assert.ok([400, 404].includes(reply.status), `${route.name} ${variant}: ${reply.status} ${reply.text}`);
      calls += 1;
    }
  }
  t.diagnostic(`${calls} spellings on ${withId.length} routes`);
});

test("A20: one's own id in another spelling is 400 or 404, in capitals it is the same object", async () => {
  for (const [path, id] of [
    ["/api/workflows/", seen.workflow],
    ["/api/executions/", seen.execution],
    ["/api/files/", seen.file],
    ["/api/credentials/", seen.credential],
  ] as const) {
    for (const variant of variantsOf(id)) {
      const { status } = await read(path + variant);
      assert.ok([400, 404].includes(status), `${path}${variant}: ${status}`);
    }
    assert.equal((await read(path + id.toUpperCase())).status, 200);
  }
});

test("A20: a parameter given twice, or one that no route knows, is refused and not chosen from", async () => {
  for (const route of lists) {
    const [twice, unknown] = [
      route.queryParameters.map((name) => `${name}=${eve.workspaceId}&${name}=${foreign.workspaceId}`),
      ["id", "userId", "user_id", "workspace_id", "workspaceId[]", "workspaceId[$ne]", "__proto__"]
        .filter((name) => !route.queryParameters.includes(name))
        .map((name) => `${name}=${foreign.userId}`),
    ];
    for (const query of [...twice, ...unknown]) {
      assert.equal((await read(`${route.path}?${query}`)).status, 400, `${route.path}?${query}`);
    }
  }
  for (const path of [`/api/workflows/${seen.workflow}`, `/api/executions/${seen.execution}`]) {
    assert.equal((await read(`${path}?id=${await foreign.workflow()}`)).status, 400, path);
  }
});

test("A21: one foreign file among 99 own inputs refuses the batch, and nothing of it is made", async () => {
  const count = async () =>
    (
      await world.bed.admin.query(
        "select count(*)::int as n from workflow_executions where workflow_id = $1",
        [seen.workflow],
      )
    ).rows[0].n;
  const path = `/api/workflows/${seen.workflow}/executions/batch`;
  const inputs: unknown[] = Array.from({ length: 99 }, () => ({ attached: { $file: seen.file } }));
  const foreignInput = { attached: { $file: await foreign.file() } };
  const mixed = await request("POST", path, { token, body: { inputs: [...inputs, foreignInput] } });
  assert.equal(mixed.status, 404);
  assert.equal(await count(), 0);
  assert.equal((await request("POST", path, { token, body: { inputs } })).status, 202);
  assert.equal(await count(), 99);
});

test("A21: a workspace in the body never moves what the path names, and a foreign one takes nothing in", async () => {
  const body = { workspaceId: foreign.workspaceId };
  const workflow = `/api/workflows/${seen.workflow}`;
  for (const [method, path, rest] of [
    ["PUT", workflow, { name: "moved" }],
    ["POST", `${workflow}/executions`, { input: 1 }],
    ["POST", `${workflow}/executions/batch`, { inputs: [1] }],
    ["POST", `${workflow}/versions/1/restore`, {}],
    ["POST", `/api/executions/${seen.execution}/cancel`, {}],
    ["POST", `/api/executions/${seen.execution}/retry`, {}],
  ] as const) {
    const reply = await request(method, path, { token, body: { ...rest, ...body } });
    assert.equal(reply.status, 400, `${method} ${path}`);
  }
  const created = await request("POST", "/api/workflows", {
    token,
    body: { ...body, name: "x", graph: chain() },
  });
  assert.equal(created.status, 404);
  const upload = await request("POST", `/api/files?workspaceId=${foreign.workspaceId}`, { token, body: "a" });
  assert.equal(upload.status, 404);
});

// A value for every optional parameter of every list, so that each can be left out in turn.
const VALUES: Readonly<Record<string, string>> = {
  limit: "5",
  workspaceId: eve.workspaceId,
  workflowId: seen.workflow,
  status: "succeeded",
  from: "2020-01-01T00:00:00Z",
  to: "2999-01-01T00:00:00Z",
  q: "t",
  actorId: eve.userId,
  action: "workflow.created",
  targetId: seen.workflow,
  targetType: "workflow",
  type: "http.bearer",
  format: "ndjson",
  executionId: seen.execution,
  mine: "true",
  enabled: "true",
  overdue: "false",
  // Where a name has other words in one list.
  "get /api/approvals status": "pending",
};
const givenFor = (route: DocumentedRoute, name: string) => VALUES[`${route.name} ${name}`] ?? VALUES[name];
// A cursor continues a page of its own list, and the instance's chain is not a list of the workspace's.
const LEFT_OUT = new Set(["cursor", "chain"]);

test("A27: whichever parameters of a list are left out, only rows of one's own workspaces come", async (t) => {
  const mine = new Set([eve.workspaceId, eve.homeId]);
  let calls = 0;
  for (const route of lists) {
    const names = route.queryParameters.filter((name) => !LEFT_OUT.has(name));
    const missing = names.filter((name) => givenFor(route, name) === undefined);
    assert.deepEqual(missing, [], `${route.name}: say in VALUES what may be given`);
    const subsets = [
      names,
      ...names.map((left) => names.filter((name) => name !== left)),
      ...names.map((n) => [n]),
      [],
    ];
    for (const subset of subsets) {
      const query = new URLSearchParams(
        Object.fromEntries(subset.map((name) => [name, givenFor(route, name) ?? ""])),
      );
      const reply = await read(`${route.path}?${query}`);
      assert.equal(reply.status, 200, `${route.name} ${query}: ${reply.text}`);
      assert.deepEqual(findForeign(world, route, reply.text), [], `${route.name} ${query}`);
      const items = isList(reply) ? (reply.body.items as Array<{ workspaceId?: string }>) : [];
      for (const { workspaceId } of items) assert.ok(workspaceId === undefined || mine.has(workspaceId));
      calls += 1;
    }
  }
  t.diagnostic(`${calls} combinations on ${lists.length} lists`);
});

async function callRoute(
  { method, path }: DocumentedRoute,
  params: readonly string[],
  { query, body, headers }: { query?: object; body?: unknown; headers?: Readonly<Record<string, string>> },
): Promise<ApiReply> {
  const left = [...params];
  const address = path.replaceAll(/\{\w+\}/g, () => left.shift() ?? "missing");
  const search = new URLSearchParams({ ...query }).toString();
  const options = { token, body, ...(headers && { headers }) };
  return request(method.toUpperCase(), search === "" ? address : `${address}?${search}`, options);
}
