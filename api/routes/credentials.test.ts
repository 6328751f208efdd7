import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import type { Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { chain, createWorkflow } from "../../test/support/workflows.ts";

type Credential = { id: string; name: string; type: string; allowedHosts: string[]; clearedLabels: string[] };
type Problem = { code: string; detail: string; errors?: { path: string; message: string }[] };

const SECRET = "never-to-be-seen-4711";

let database: TestDatabase;
let api: TestApi;
/** The first to register: the instance's admin. */
let root: Person;
let ada: Person;
let count = 0;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  root = await api.register();
  ada = await api.register();
});

after(async () => {
  await api?.close();
  await database?.drop();
});

const bearer = (given: Record<string, unknown> = {}) => ({
  name: `key ${++count}`,
  type: "http.bearer",
  data: { token: SECRET },
  allowedHosts: ["api.example.com"],
  ...given,
});

const post = <Body = Credential>(person: Person, body: unknown) =>
  api.request<Body>("POST", "/api/credentials", { token: person.token, body });
const patch = <Body = Credential>(person: Person, id: string, body: unknown) =>
  api.request<Body>("PATCH", `/api/credentials/${id}`, { token: person.token, body });

async function create(person: Person, given: Record<string, unknown> = {}): Promise<Credential> {
  const reply = await post(person, bearer(given));
  assert.equal(reply.status, 201, reply.text);
  return reply.body;
}

async function addMember(role: string): Promise<Person> {
  const person = await api.register();
  await asAdmin(database, "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, $3)", [
    ada.workspaceId,
    person.userId,
    role,
  ]);
  return person;
}

async function auditOf(id: string) {
  type Entry = { action: string; actor_id: string; details: Record<string, unknown> };
  const text = "select action, actor_id, details from audit_logs where target_id = $1 order by seq";
  return asAdmin<Entry>(database, text, [id]);
}

test("what goes in does not come out, by any call, and is sealed in its row", async () => {
  const made = await create(ada, { name: "Shop", clearedLabels: ["pii"] });
  const { id } = made;
  const patched = await patch(ada, id, { name: "The shop", data: { token: `${SECRET}-2` } });
  assert.equal(patched.status, 200, patched.text);
  assert.equal(patched.body.name, "The shop");
  const got = await api.request<Credential>("GET", `/api/credentials/${id}`, { token: ada.token });
  const list = await api.request<{ items: Credential[] }>("GET", "/api/credentials?type=http.bearer", {
    token: ada.token,
  });
  assert.deepEqual(list.body.items[0], got.body);
  assert.deepEqual(
    { ...got.body, createdAt: "", updatedAt: "" },
    {
      id,
      workspaceId: ada.workspaceId,
      ownerId: ada.userId,
      name: "The shop",
      type: "http.bearer",
      allowedHosts: ["api.example.com"],
      clearedLabels: ["pii"],
      createdAt: "",
      updatedAt: "",
    },
  );
  for (const text of [JSON.stringify(made), patched.text, got.text, list.text])
    assert.doesNotMatch(text, /seen-4711/);
  const [row] = await asAdmin<{ all: string; raw: Buffer }>(
    database,
    "select c::text as all, ciphertext as raw from credentials c where id = $1",
    [id],
  );
  assert.doesNotMatch(row?.all ?? "", /seen-4711/);
  assert.ok(!row?.raw.includes(SECRET));
});

test("every change is in the audit log, without values", async () => {
  const { id } = await create(ada);
  await patch(ada, id, { data: { token: `${SECRET}-2` }, allowedHosts: ["b.example.com"] });
  await api.request("DELETE", `/api/credentials/${id}`, { token: ada.token });
  const entries = await auditOf(id);
  assert.deepEqual(
    entries.map((entry) => entry.action),
    ["credential.created", "credential.updated", "credential.deleted"],
  );
  assert.ok(entries.every((entry) => entry.actor_id === ada.userId));
  assert.deepEqual(entries[1]?.details.fields, ["data", "allowedHosts"]);
  assert.deepEqual(entries[1]?.details.allowedHosts, { from: ["api.example.com"], to: ["b.example.com"] });
  assert.doesNotMatch(JSON.stringify(entries), /seen-4711/);
});

test("data that does not fit is refused without being repeated", async () => {
  const cases: [type: string, data: unknown, path: string][] = [
    ["http.bearer", { token: "" }, "data.token"],
    ["http.bearer", { token: `${SECRET}\n` }, "data.token"],
    ["http.bearer", { token: SECRET, [SECRET]: 1 }, "data"],
    ["http.bearer", SECRET, "data"],
    ["http.bearer", undefined, "data"],
    ["http.basic", { username: "a:b", password: SECRET }, "data.username"],
    ["http.basic", { username: "a" }, "data.password"],
    ["http.header", { name: "no header", value: SECRET }, "data.name"],
    ["http.header", { name: "X-Key", value: `a\r\nHost: ${SECRET}` }, "data.value"],
    ["postgres", { url: `https://${SECRET}/` }, "data.url"],
    ["postgres", { url: `postgres:///${SECRET}` }, "data.url"],
    ["no.such", { token: SECRET }, "type"],
  ];
  for (const [type, data, path] of cases) {
    const reply = await post<Problem>(ada, bearer({ type, data }));
    assert.equal(reply.status, 400, `${type} ${reply.text}`);
    assert.ok(
      reply.body.errors?.some((error) => error.path === path),
      `${path}: ${reply.text}`,
    );
    assert.doesNotMatch(reply.text, /seen-4711/);
  }
});

test("a header credential takes no header of the connection", async () => {
  for (const name of [
    "Host",
    "connection",
    "Transfer-Encoding",
    "Proxy-Authorization",
    "Content-Length",
    "Upgrade",
  ]) {
    const reply = await post<Problem>(ada, bearer({ type: "http.header", data: { name, value: SECRET } }));
    assert.equal(reply.status, 400, name);
    assert.deepEqual(
      reply.body.errors?.map(({ path }) => path),
      ["data.name"],
    );
  }
  await create(ada, { type: "http.header", data: { name: "X-Api-Key", value: SECRET } });
});

test("an HTTP credential says where it may go; * must be said", async () => {
  for (const allowedHosts of [undefined, []]) {
    const reply = await post<Problem>(ada, bearer({ allowedHosts }));
    assert.equal(reply.status, 400);
    assert.match(reply.body.errors?.[0]?.message ?? "", /Say where it may go/);
  }
  for (const host of ["https://api.example.com", "a/b", "*.*", "api.example.com:0"]) {
    const reply = await post<Problem>(ada, bearer({ allowedHosts: ["ok.example.com", host] }));
    assert.deepEqual(
      reply.body.errors?.map(({ path }) => path),
      ["allowedHosts.1"],
      reply.text,
    );
  }
  const made = await create(ada, {
    allowedHosts: ["API.example.com.", "api.example.com", "*.Example.org:8443", "*"],
  });
  assert.deepEqual(made.allowedHosts, ["api.example.com", "*.example.org:8443", "*"]);
  assert.equal((await patch(ada, made.id, { allowedHosts: [] })).status, 400);
  await create(ada, { type: "postgres", data: { url: "postgres://u:p@db.example.com/x" }, allowedHosts: [] });
});

test("a name is one credential's in its workspace", async () => {
  const first = await create(ada, { name: "Taken" });
  const second = await create(ada);
  for (const reply of [
    await post<Problem>(ada, bearer({ name: "Taken" })),
    await patch<Problem>(ada, second.id, { name: " Taken " }),
  ]) {
    assert.equal(reply.status, 409);
    assert.equal(reply.body.code, "credential_exists");
  }
  assert.equal((await patch(ada, first.id, { name: "Taken" })).status, 200);
  await create(root, { name: "Taken" });
});

test("references are an instance admin's, to make and to point elsewhere", async () => {
  const reference = { type: "ref.env", data: { name: "ATELIER_SECRET_SHOP" }, workspaceId: ada.workspaceId };
  assert.equal((await post<Problem>(ada, bearer(reference))).body.code, "forbidden");
  await asAdmin(
    database,
    "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'editor')",
    [ada.workspaceId, root.userId],
  );
  const made = await create(root, reference);
  for (const change of [{ allowedHosts: ["evil.example.com"] }, { data: { name: "ATELIER_SECRET_OTHER" } }]) {
    assert.equal((await patch<Problem>(ada, made.id, change)).body.code, "forbidden");
  }
  const cases: [type: string, data: Record<string, unknown>, path: string][] = [
    ["ref.env", { name: "PATH" }, "data.name"],
    ["ref.env", { name: "ENCRYPTION_KEYS" }, "data.name"],
    ["ref.env", { name: "ATELIER_SECRET_X", as: { type: "http.header", name: "Host" } }, "data.as.name"],
    ["ref.env", { name: "ATELIER_SECRET_X", as: { type: "ref.env" } }, "data.as.type"],
    ["ref.file", { path: "/etc/passwd" }, "data.path"],
    ["ref.vault", { url: "file:///etc", path: "a", field: "b", token: "t" }, "data.url"],
    ["ref.vault", { url: "https://v.test", path: "a/../../sys", field: "b", token: "t" }, "data.path"],
  ];
  for (const [type, data, path] of cases) {
    const reply = await post<Problem>(root, bearer({ type, data }));
    assert.deepEqual(
      reply.body.errors?.map((error) => error.path),
      [path],
      reply.text,
    );
  }
});

test("A22: a viewer reads, an operator tests, neither changes anything", async () => {
  const { id } = await create(ada);
  const path = `/api/credentials/${id}`;
  for (const role of ["viewer", "operator", "auditor"]) {
    const { token } = await addMember(role);
    const mayRead = role !== "auditor";
    assert.equal((await api.request("GET", path, { token })).status, mayRead ? 200 : 403, role);
    const body = bearer({ workspaceId: ada.workspaceId });
    assert.equal((await api.request("POST", "/api/credentials", { token, body })).status, 403, role);
    assert.equal((await api.request("PATCH", path, { token, body: { name: "x" } })).status, 403, role);
    assert.equal((await api.request("DELETE", path, { token })).status, 403, role);
    if (role === "operator") continue;
    assert.equal((await api.request("POST", `${path}/test`, { token })).status, 403, role);
  }
});

test("who does not know the secret cannot send it to a host of their own", async () => {
  const { id } = await create(ada);
  const editor = await addMember("editor");
  const wider = { allowedHosts: ["api.example.com", "evil.example.com"] };
  const refused = await patch<Problem>(editor, id, wider);
  assert.equal(refused.status, 403);
  assert.match(refused.body.detail, /evil\.example\.com/);
  assert.equal((await patch(editor, id, { allowedHosts: ["api.example.com"], name: "ok" })).status, 200);
  assert.equal((await patch(editor, id, { ...wider, data: { token: "my own" } })).status, 200);
  assert.equal((await patch(ada, id, { allowedHosts: ["other.example.com"] })).status, 200);
});

test("a credential in use goes only by force", async () => {
  const { id } = await create(ada);
  const node = { id: "call", type: "http.request", config: { url: "https://api.example.com/" } };
  const graph = chain({ ...node, data: { credentials: { auth: id.toUpperCase() } } });
  const workflow = await createWorkflow(api.request, ada, graph);
  const path = `/api/credentials/${id}`;
  const refused = await api.request<Problem & { details: unknown }>("DELETE", path, { token: ada.token });
  assert.equal(refused.status, 409);
  assert.equal(refused.body.code, "credential_in_use");
  assert.deepEqual(refused.body.details, { workflows: [{ id: workflow, name: "test" }] });
  assert.equal((await api.request("DELETE", `${path}?force=yes`, { token: ada.token })).status, 400);
  assert.equal((await api.request("DELETE", `${path}?force=true`, { token: ada.token })).status, 204);
  assert.equal((await api.request("GET", path, { token: ada.token })).status, 404);
});

test("a workflow that uses it no more does not hold it", async () => {
  const { id } = await create(ada);
  const node = { id: "call", type: "http.request", config: { url: "https://api.example.com/" } };
  const workflow = await createWorkflow(
    api.request,
    ada,
    chain({ ...node, data: { credentials: { auth: id } } }),
  );
  const changed = { token: ada.token, body: { graph: chain(node) } };
  assert.equal((await api.request("PUT", `/api/workflows/${workflow}`, changed)).status, 200);
  assert.equal((await api.request("DELETE", `/api/credentials/${id}`, { token: ada.token })).status, 204);
});
