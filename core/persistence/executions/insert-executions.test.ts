// Submissions of several people in one statement: each row stands for its own person, refused ones leave nothing.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import { rolesFor } from "../../domain/roles.ts";
import type { Database } from "../database.ts";
import { findKeyed, insertExecutions, type NewExecution } from "./insert-executions.ts";

let bed: ExecutionBed;
let api: Database;

before(async () => {
  bed = await createExecutionBed();
  api = bed.open("atelier_api", 8);
});
after(() => bed?.close());

type Person = { userId: string; workspaceId: string };

const GRAPH = {
  nodes: [
    { id: "start", type: "trigger.manual" },
    { id: "hook", type: "trigger.webhook" },
    { id: "a", type: "data.transform" },
  ],
  edges: [],
};
const hash = (text: string) => createHash("sha256").update(text).digest("hex");

function submission(person: Person, workflowId: string, given: Partial<NewExecution> = {}): NewExecution {
  return {
    id: uuidv7(),
    userId: person.userId,
    workspaceIds: [person.workspaceId],
    workflowId,
    version: null,
    triggerType: "manual",
    triggerNode: null,
    trigger: {},
    input: { n: 1 },
    priority: 0,
    band: 0,
    availableAt: null,
    labels: [],
    watched: false,
    key: null,
    requestHash: given.key ? hash("request") : null,
    ...given,
  };
}

const insert = (rows: readonly NewExecution[], ...workspaceIds: string[]) =>
  api.transaction({ workspaceIds }, (tx) => insertExecutions(tx, rows, rolesFor("execution:run")));
const keysOf = async (userId: string) =>
  (
    await bed.admin.query("select key from execution_keys where user_id = $1 order by key", [userId])
  ).rows.map((row) => row.key);

test("a row holds what was asked for, queued, due, rooted in itself", async () => {
  const ada = await bed.addPerson();
  const workflow = await bed.addWorkflow(ada, GRAPH);
  const row = submission(ada, workflow, {
    priority: 9,
    labels: ["phi"],
    watched: true,
    triggerNode: "hook",
    trigger: { a: 1 },
  });
  assert.deepEqual(await insert([row], ada.workspaceId), [
    { id: row.id, workspaceId: ada.workspaceId, version: 1, made: true },
  ]);
  const made = await bed.execution(row.id);
  assert.deepEqual(
    [
      made.status,
      made.priority,
      made.labels,
      made.watched,
      made.trigger_node,
      made.trigger,
      made.input,
      made.root_id,
    ],
    ["queued", 9, ["phi"], true, "hook", { a: 1 }, { n: 1 }, row.id],
  );
  const later = submission(ada, workflow, { availableAt: "2100-01-01T00:00:00.000Z" });
  await insert([later], ada.workspaceId);
  assert.equal(((await bed.execution(later.id)).available_at as Date).getUTCFullYear(), 2100);
});

test("in a batch of two people nobody runs the other's workflow, although both workspaces are open to it", async () => {
  const [ada, bob] = [await bed.addPerson(), await bed.addPerson()];
  const [hers, his] = [await bed.addWorkflow(ada, GRAPH), await bed.addWorkflow(bob, GRAPH)];
  const rows = [
    submission(ada, hers),
    submission(bob, his),
    submission(ada, his, { key: "k" }),
    submission(bob, hers),
  ];
  const done = await insert(rows, ada.workspaceId, bob.workspaceId);
  assert.deepEqual(new Set(done.map(({ id }) => id)), new Set([rows[0]?.id, rows[1]?.id]));
  assert.equal((await bed.execution(rows[0]?.id ?? "")).workspace_id, ada.workspaceId);
  assert.equal((await bed.execution(rows[1]?.id ?? "")).workspace_id, bob.workspaceId);
  assert.deepEqual(await keysOf(ada.userId), []);
});

test("viewers and auditors are refused, operators are not; no refusal leaves its key", async () => {
  const owner = await bed.addPerson();
  const workflow = await bed.addWorkflow(owner, GRAPH);
  for (const [role, allowed] of [
    ["viewer", false],
    ["auditor", false],
    ["operator", true],
    ["editor", true],
  ] as const) {
    const member = await bed.addPerson(role, owner.workspaceId);
    const done = await insert([submission(member, workflow, { key: "k" })], owner.workspaceId);
    assert.equal(done.length, allowed ? 1 : 0, role);
    assert.deepEqual(await keysOf(member.userId), allowed ? ["k"] : [], role);
  }
});

test("archived, unknown, another version, no trigger: refused, beside rows that are fine", async () => {
  const ada = await bed.addPerson();
  const [workflow, archived] = [await bed.addWorkflow(ada, GRAPH), await bed.addWorkflow(ada, GRAPH)];
  await bed.admin.query("update workflows set archived_at = now() where id = $1", [archived]);
  const fine = submission(ada, workflow, { version: 1, triggerNode: "start" });
  const rows = [
    submission(ada, archived),
    submission(ada, uuidv7()),
    submission(ada, workflow, { version: 2 }),
    submission(ada, workflow, { triggerNode: "a" }),
    submission(ada, workflow, { triggerNode: "nowhere" }),
    fine,
  ];
  assert.deepEqual(
    (await insert(rows, ada.workspaceId)).map(({ id }) => id),
    [fine.id],
  );
});

test("a workspace that the transaction does not name stays out of reach", async () => {
  const ada = await bed.addPerson();
  const workflow = await bed.addWorkflow(ada, GRAPH);
  assert.deepEqual(await insert([submission(ada, workflow)], uuidv7()), []);
});

test("100 submissions under one key, in batches and side by side, make one execution", async () => {
  const ada = await bed.addPerson();
  const workflow = await bed.addWorkflow(ada, GRAPH);
  const batches = Array.from({ length: 20 }, () =>
    Array.from({ length: 5 }, () => submission(ada, workflow, { key: "once" })),
  );
  const answers = (await Promise.all(batches.map((rows) => insert(rows, ada.workspaceId)))).flat();
  assert.equal(answers.length, 100);
  const made = answers.filter((answer) => answer.made);
  assert.equal(made.length, 1);
  const { rows } = await bed.admin.query("select id from workflow_executions where user_id = $1", [
    ada.userId,
  ]);
  assert.deepEqual(
    rows.map((row) => row.id),
    [made[0]?.id],
  );
  const query = { userId: ada.userId, workspaceId: ada.workspaceId, key: "once" };
  const found = await api.transaction({ workspaceIds: [ada.workspaceId] }, (tx) => findKeyed(tx, [query]));
  assert.deepEqual(found, [{ ...query, requestHash: hash("request"), id: made[0]?.id }]);
});

test("the same key of two people, or of one in two workspaces, is two keys", async () => {
  const ada = await bed.addPerson();
  const bob = await bed.addPerson("editor", ada.workspaceId);
  const elsewhere = await bed.addPerson();
  await bed.admin.query(
    "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'editor')",
    [elsewhere.workspaceId, ada.userId],
  );
  const [here, there] = [await bed.addWorkflow(ada, GRAPH), await bed.addWorkflow(elsewhere, GRAPH)];
  const rows = [
    submission(ada, here, { key: "k" }),
    submission(bob, here, { key: "k" }),
    submission(ada, there, { key: "k", workspaceIds: [elsewhere.workspaceId] }),
  ];
  const answers = await insert(rows, ada.workspaceId, elsewhere.workspaceId);
  assert.deepEqual(
    answers.map((answer) => answer.made),
    [true, true, true],
  );
});

test("a request that may not run in a workspace is refused there, though its person may", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada, GRAPH);
  const rows = [[], [uuidv7()], [ada.workspaceId]].map((workspaceIds) =>
    submission(ada, workflowId, { workspaceIds }),
  );
  const answers = await insert(rows, ada.workspaceId);
  assert.deepEqual(
    answers.map((answer) => answer.id),
    [rows[2]?.id],
  );
});

test("odd but allowed keys and inputs arrive as they were", async () => {
  const ada = await bed.addPerson();
  const workflow = await bed.addWorkflow(ada, GRAPH);
  const keys = ['"', "\\", "{a,b}", "NULL", "ü 😀", "x".repeat(255)];
  const rows = keys.map((key) => submission(ada, workflow, { key, input: { [key]: key } }));
  await insert(rows, ada.workspaceId);
  assert.deepEqual(new Set(await keysOf(ada.userId)), new Set(keys));
  for (const [index, row] of rows.entries()) {
    assert.deepEqual((await bed.execution(row.id)).input, { [keys[index] ?? ""]: keys[index] });
  }
  const asked = keys.map((key) => ({ userId: ada.userId, workspaceId: ada.workspaceId, key }));
  const found = await api.transaction({ workspaceIds: [ada.workspaceId] }, (tx) => findKeyed(tx, asked));
  assert.equal(found.length, keys.length);
});

test("an input of null, of nothing and of a text are kept apart where JSON does", async () => {
  const ada = await bed.addPerson();
  const workflow = await bed.addWorkflow(ada, GRAPH);
  for (const [input, stored] of [
    [null, null],
    [undefined, null],
    ["", ""],
    [0, 0],
    [false, false],
  ]) {
    const row = submission(ada, workflow, { input });
    await insert([row], ada.workspaceId);
    assert.deepEqual((await bed.execution(row.id)).input, stored);
  }
});
