// sql.query on the running platform: saved, run, cancelled, its credential bound, recorded, and seen nowhere.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { chain, createWorkflow, listSteps, submit, untilEnded } from "../support/workflows.ts";
import { createCanary, dumpDatabase, sightings } from "./canary.ts";
import { type CredentialBed, createCredentialBed } from "./credential-bed.ts";

type Problem = { code: string; errors?: { code: string; path: string; message: string }[] };

// What a URL has to escape, so that every spelling of it is looked for.
const password = createCanary("s/q:l@*%");

let bed: CredentialBed;
/** Somebody's own database, apart from the platform's. */
let shop: TestDatabase;
let url: string;
let credential: string;

before(async () => {
  shop = await createTestDatabase();
  const { host, pathname } = new URL(shop.databaseUrl);
  const role = `clerk_${pathname.slice(-10)}`;
  await asAdmin(shop, `create role ${role} login password '${password.value}'`);
  await asAdmin(shop, `create schema desk authorization ${role}`);
  await asAdmin(
    shop,
    `create table desk.orders (id int primary key, item text); grant all on desk.orders to ${role}`,
  );
  // A database that gives a secret away, in a row and in an error.
  await asAdmin(
    shop,
    `create function leak() returns text language sql as $$ select 'it is ${password.value}' $$`,
  );
  await asAdmin(
    shop,
    `create function cry() returns text language plpgsql as $$ begin raise exception 'it is %', '${password.value}'; end $$`,
  );
  url = `postgres://${role}:${encodeURIComponent(password.value)}@${host}${pathname}`;
  bed = await createCredentialBed({ reach: [host], environment: { LOG_LEVEL: "debug" } });
  credential = await bed.create(bed.ada, { type: "postgres", data: { url }, allowedHosts: [] });
});

after(async () => {
  await bed?.close();
  await shop?.drop();
});

const graphOf = (config: Record<string, unknown>, id = credential) =>
  chain({ id: "ask", type: "sql.query", config, data: { credentials: { postgres: id } } });
const run = async (config: Record<string, unknown>, input: unknown = {}, id = credential) =>
  bed.start(bed.ada, await createWorkflow(bed.request, bed.ada, graphOf(config, id)), input);
const save = (person: CredentialBed["ada"], graph: unknown) =>
  bed.request<Problem>("POST", "/api/workflows", { token: person.token, body: { name: "x", graph } });

test("a statement with values from the input is saved, run and recorded", async () => {
  const insert = {
    query: "insert into desk.orders values ($1, $2)",
    params: ["{{ input.id }}", "{{ input.item }}"],
  };
  const item = "'); drop table desk.orders; --";
  const written = await run({ ...insert, mode: "write" }, { id: 1, item });
  assert.deepEqual(written.output, { rows: [], rowCount: 1 }, JSON.stringify(written.error));
  const read = await run(
    { query: "select id, item from desk.orders where item = $1", params: ["{{ input.item }}"] },
    { item },
  );
  assert.deepEqual(read.output, { rows: [{ id: 1, item }], rowCount: 1 });
  const refused = await run({ ...insert }, { id: 2, item });
  assert.equal(refused.error?.code, "sql_read_only");
  type Use = { action: string; chain_id: string; actor_id: string; details: Record<string, unknown> };
  const uses = await asAdmin<Use>(
    bed.database,
    "select action, chain_id, actor_id, details from audit_logs where target_id = $1 and action like 'credential.u%' order by seq",
    [credential],
  );
  assert.equal(uses.length, 3);
  assert.deepEqual(uses[0], {
    action: "credential.used",
    chain_id: bed.ada.workspaceId,
    actor_id: bed.ada.userId,
    details: { executionId: written.id, nodeId: "ask", attempt: 1 },
  });
});

test("A35: an expression in the query is refused at save, where it stands, and {{ in a value is only text", async () => {
  for (const query of ["select * from {{ input.table }}", "{{ input.sql }}", "select '{{ nodes.ask }}'"]) {
    const reply = await save(bed.ada, graphOf({ query }));
    assert.equal(reply.status, 422, reply.text);
    const errors = reply.body.errors?.map(({ code, path }) => [code, path]);
    assert.deepEqual(errors, [["bad_config", "nodes.1.data.config.query"]]);
    assert.match(reply.body.errors?.[0]?.message ?? "", /\$1.*params/);
  }
  const ended = await run(
    { query: "select $1::text as said", params: ["{{ input.text }}"] },
    { text: "{{ 1 + 1 }}" },
  );
  assert.deepEqual(ended.output, { rows: [{ said: "{{ 1 + 1 }}" }], rowCount: 1 });
});

test("A18: the credential of another workspace is not there, for save as for one that never was", async () => {
  const reply = await save(bed.root, graphOf({ query: "select 1" }));
  assert.equal(reply.status, 404);
  assert.deepEqual(
    reply.body.errors?.map(({ code }) => code),
    ["unknown_credential"],
  );
  const http = await bed.create(bed.ada);
  const wrong = await save(bed.ada, graphOf({ query: "select 1" }, http));
  assert.deepEqual(
    wrong.body.errors?.map(({ code, path }) => [code, path]),
    [["credential_type", "nodes.1.data.credentials.postgres"]],
  );
});

test("S32: a database credential bound to other hosts goes nowhere, and A48: nor to one the guard does not know", async () => {
  const bound = await bed.create(bed.ada, {
    type: "postgres",
    data: { url },
    allowedHosts: ["db.example.com"],
  });
  const refused = await run({ query: "select 1" }, {}, bound);
  assert.equal(refused.error?.code, "credential_refused");
  const { port } = new URL(bed.platform.url);
  const inside = await bed.create(bed.ada, {
    type: "postgres",
    data: { url: `postgres://u:p@127.0.0.1:${port}/x` },
    allowedHosts: [],
  });
  assert.equal((await run({ query: "select 1" }, {}, inside)).error?.code, "egress_denied");
});

test("a cancelled execution ends its statement on the server", async () => {
  const sleeping = () =>
    asAdmin(
      shop,
      "select 1 from pg_stat_activity where query like '%''till-cancelled''%' and pid <> pg_backend_pid()",
    );
  const until = async (count: number) => {
    for (let tries = 0; (await sleeping()).length !== count; tries++) {
      assert.ok(tries < 300, `there are not ${count} such statements`);
      await sleep(50);
    }
  };
  const graph = graphOf({ query: "select 'till-cancelled', pg_sleep(120)", timeoutMs: 100_000 });
  const id = await submit(bed.request, bed.ada, await createWorkflow(bed.request, bed.ada, graph));
  await until(1);
  const reply = await bed.request("POST", `/api/executions/${id}/cancel`, { token: bed.ada.token, body: {} });
  assert.equal(reply.status, 202, reply.text);
  assert.equal((await untilEnded(bed.request, bed.ada, id)).status, "cancelled");
  await until(0);
});

test("a write whose commit got no answer waits for a person instead of being tried again", async () => {
  await asAdmin(shop, "create table desk.doubt (id int)");
  await asAdmin(shop, "grant all on desk.doubt to public");
  await asAdmin(
    shop,
    `create function vanish() returns trigger language plpgsql security definer as $$
      begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$`,
  );
  await asAdmin(
    shop,
    `create constraint trigger late after insert on desk.doubt deferrable initially deferred
      for each row execute function vanish()`,
  );
  const config = { query: "insert into desk.doubt values (1)", mode: "write" };
  const retry = { maxAttempts: 3, backoffMs: 0, maxBackoffMs: 0 };
  const data = { credentials: { postgres: credential }, retry };
  const graph = chain({ id: "ask", type: "sql.query", config, data });
  const id = await submit(bed.request, bed.ada, await createWorkflow(bed.request, bed.ada, graph));
  const read = () => bed.request("GET", `/api/executions/${id}`, { token: bed.ada.token });
  for (let tries = 0; (await read()).body.status !== "waiting"; tries++) {
    assert.ok(tries < 300, (await read()).text);
    await sleep(50);
  }
  const steps = await listSteps(bed.request, bed.ada, id);
  assert.deepEqual(
    steps.filter(({ nodeId }) => nodeId === "ask").map(({ attempt, status }) => [attempt, status]),
    [[1, "unknown"]],
  );
});

test("A69: the password is seen nowhere, though the database itself gives it away", async () => {
  const leaked = await run({ query: "select leak() as word, $1::text as mark", params: ["seen-mark"] });
  assert.match(JSON.stringify(leaked.output), /it is \[redacted\]/);
  const cried = await run({ query: "select cry()" });
  assert.match(cried.error?.message ?? "", /it is \[redacted\]/);
  const wrongUrl = url.replace(/@[^@]*$/, (rest) => `x${rest}`);
  const wrong = await bed.create(bed.ada, { type: "postgres", data: { url: wrongUrl }, allowedHosts: [] });
  assert.equal((await run({ query: "select 1" }, {}, wrong)).error?.code, "sql_auth_failed");
  const places = await dumpDatabase(bed.database.adminUrl);
  for (const process of bed.platform.processes()) places.set(`log of ${process.role}`, process.log.join(""));
  for (const { id } of [leaked, cried]) {
    places.set(
      `execution ${id}`,
      (await bed.request("GET", `/api/executions/${id}`, { token: bed.ada.token })).text,
    );
    places.set(`steps ${id}`, JSON.stringify(await listSteps(bed.request, bed.ada, id)));
  }
  const seen = [...places].filter(([, text]) => sightings(text, [password]).length > 0);
  assert.deepEqual(
    seen.map(([place]) => place),
    [],
  );
  assert.ok([...places.values()].some((text) => text.includes("seen-mark")));
});

test("GET /api/node-types shows it", async () => {
  type NodeType = {
    type: string;
    credentialTypes: unknown;
    literalFields: unknown;
    effectsFromConfig?: true;
  };
  const { body } = await bed.request<{ items: NodeType[] }>("GET", "/api/node-types", {
    token: bed.ada.token,
  });
  const shown = body.items.find(({ type }) => type === "sql.query");
  assert.deepEqual(shown?.credentialTypes, { postgres: ["postgres", "ref.env", "ref.file", "ref.vault"] });
  assert.deepEqual([shown?.literalFields, shown?.effectsFromConfig], [{ query: "sql" }, true]);
});
