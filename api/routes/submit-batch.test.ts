// A batch is one request: all of it is accepted or none, and its key stands for all of it.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import pg from "pg";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import type { Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { chain, createWorkflow } from "../../test/support/workflows.ts";

let database: TestDatabase;
let api: TestApi;
let admin: pg.Client;
let ada: Person;
let workflow: string;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  ada = await api.register();
  workflow = await createWorkflow(api.request, ada, chain());
});
after(async () => {
  await api?.close();
  await admin?.end();
  await database?.drop();
});

type Batch = { items: { id: string; status: string }[]; code: string };
const batch = (body: unknown, key?: string, person = ada) =>
  api.request<Batch>("POST", `/api/workflows/${workflow}/executions/batch`, {
    token: person.token,
    body,
    headers: key === undefined ? {} : { "idempotency-key": key },
  });
const single = (body: unknown, key: string) =>
  api.request<{ id: string; code: string }>("POST", `/api/workflows/${workflow}/executions`, {
    token: ada.token,
    body,
    headers: { "idempotency-key": key },
  });
const count = async (table: string) =>
  Number((await admin.query(`select count(*) from ${table}`)).rows[0].count);
const leftovers = async () => [await count("workflow_executions"), await count("execution_keys")];

test("one bad item refuses the whole batch and leaves nothing behind", async () => {
  const before = await leftovers();
  const missing = { document: { $file: randomUUID() } };
  const file = await batch({ inputs: [{ n: 1 }, { n: 2 }, missing] }, "bad-file");
  assert.deepEqual([file.status, file.body.code], [404, "not_found"]);
  const trigger = await batch({ inputs: [1, 2], trigger: "nowhere" }, "bad-trigger");
  assert.deepEqual([trigger.status, trigger.body.code], [400, "invalid_trigger"]);
  const version = await batch({ inputs: [1, 2], version: 99 }, "bad-version");
  assert.deepEqual([version.status, version.body.code], [404, "not_found"]);
  const stranger = await batch({ inputs: [1] }, "foreign", await api.register());
  assert.equal(stranger.status, 404);
  assert.deepEqual(await leftovers(), before);
  // A refused batch has not used its key up.
  assert.equal((await batch({ inputs: [1] }, "bad-file")).status, 202);
});

test("an item whose key is taken takes the whole batch back", async () => {
  const first = await batch({ inputs: [1, 2] }, "taken");
  await admin.query("delete from execution_keys where key like 'taken_0'");
  const before = await leftovers();
  const other = await batch({ inputs: [3, 4] }, "taken");
  assert.deepEqual([first.status, other.status, other.body.code], [202, 422, "idempotency_mismatch"]);
  assert.deepEqual(await leftovers(), before);
});

test("the same batch again gives the same executions and how they stand now", async () => {
  const body = { inputs: [{ n: 1 }, { n: 2 }, { n: 3 }], priority: 4 };
  const first = await batch(body, "again");
  assert.deepEqual(
    first.body.items.map((item) => item.status),
    ["queued", "queued", "queued"],
  );
  const second = first.body.items[1]?.id ?? "";
  await api.request("POST", `/api/executions/${second}/cancel`, { token: ada.token });
  const before = await count("workflow_executions");
  const replay = await batch({ priority: 4, inputs: body.inputs }, "again");
  assert.equal(replay.status, 202);
  assert.deepEqual(
    replay.body.items,
    first.body.items.map((item) => (item.id === second ? { id: second, status: "cancelled" } : item)),
  );
  assert.equal(await count("workflow_executions"), before);
  for (const other of [
    { ...body, priority: 5 },
    { inputs: [{ n: 1 }], priority: 4 },
    { inputs: body.inputs },
  ]) {
    assert.equal((await batch(other, "again")).body.code, "idempotency_mismatch");
  }
});

test("the same batch many times at once is made once", async () => {
  const inputs = Array.from({ length: 20 }, (_, n) => n);
  const replies = await Promise.all(Array.from({ length: 20 }, () => batch({ inputs }, "at-once")));
  assert.deepEqual(new Set(replies.map((reply) => reply.status)), new Set([202]));
  assert.equal(new Set(replies.flatMap((reply) => reply.body.items.map(({ id }) => id))).size, 20);
});

test("a batch's key never meets one that a client chose for a single submission", async () => {
  const ids = [];
  for (const key of ["order#0", "order.0", "order0", "order"]) ids.push((await single({}, key)).body.id);
  const { items } = (await batch({ inputs: [{}, {}] }, "order")).body;
  assert.equal(new Set([...ids, ...items.map(({ id }) => id)]).size, 6);
  assert.equal((await single({}, "order 0")).body.code, "invalid_header");
});

test("null is an input like any other, alone and in a batch; a missing one is {}", async () => {
  const items = (await batch({ inputs: [null, false, 0, ""] })).body.items;
  const ids = [...items, (await single({ input: null }, "null")).body, (await single({}, "none")).body];
  const inputs = [];
  for (const { id } of ids) {
    const reply = await api.request("GET", `/api/executions/${id}`, { token: ada.token });
    inputs.push(reply.body.input);
  }
  assert.deepEqual(inputs, [null, false, 0, "", null, {}]);
});
