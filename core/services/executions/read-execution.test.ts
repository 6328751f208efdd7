// S70: what a read of an execution costs, and that an audit is no statement more where there is none.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Actor } from "../../domain/roles.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import { createReadRecorder } from "../audit/record-reads.ts";
import { type ReadDependencies, readEnd, readExecution, readState, readSteps } from "./read-execution.ts";

let bed: ExecutionBed;
let person: Actor & { workspaceId: string };
let statements: string[] = [];
let dependencies: ReadDependencies;

before(async () => {
  bed = await createExecutionBed();
  person = await bed.addPerson("viewer");
  const database = counted(bed.open("atelier_api"));
  dependencies = { database, reads: createReadRecorder({ database }) };
});
after(() => bed?.close());

/** Notes every statement of every transaction, each with the transaction's own begin. */
function counted(database: Database): Database {
  const note =
    <Result>(work: (statement: { text: string; values: unknown[] }) => Promise<Result>) =>
    (statement: { text: string; values: unknown[] }) => {
      statements.push(statement.text.trim());
      return work(statement);
    };
  return {
    ...database,
    transaction(principals, work) {
      statements.push("begin");
      return database.transaction(principals, (tx) =>
        work({ ...tx, many: note(tx.many), one: note(tx.one), run: note(tx.run) } as Executor),
      );
    },
  };
}

async function addEnded(columns: Record<string, unknown> = {}) {
  const id = await bed.addExecution({
    workspace_id: person.workspaceId,
    status: "failed",
    input: JSON.stringify({ name: "Ada" }),
    error: JSON.stringify({ code: "x", message: "Ada" }),
    ...columns,
  });
  await bed.admin.query(
    `insert into execution_steps (execution_id, node_id, workspace_id, node_type, status, seq, fence, output)
     values ($1, 'start', $2, 'trigger.manual', 'succeeded', 1, 1, '1')`,
    [id, person.workspaceId],
  );
  return id;
}

/** The statements of each way to read, behind their begins. */
const WAYS = [
  { how: "execution", cost: 1, read: (id: string) => readExecution(dependencies, person, id) },
  { how: "wait", cost: 1, read: (id: string) => readEnd(dependencies, person, id) },
  { how: "events", cost: 1, read: (id: string) => readState(dependencies, person, id) },
  {
    how: "steps",
    cost: 3,
    read: (id: string) => readSteps(dependencies, person, id, { afterSeq: 0, limit: 10, how: "steps" }),
  },
] as const;

for (const { how, cost, read } of WAYS) {
  test(`S70: a read (${how}) that is not audited is one transaction of ${cost} statements, as it was`, async () => {
    const id = await addEnded();
    statements = [];
    await read(id);
    assert.equal(statements.filter((text) => text === "begin").length, 1, statements.join("\n"));
    assert.equal(statements.length, 1 + cost, statements.join("\n"));
  });

  test(`S70: an audited read (${how}) is told with its way and labels, and hands out no label itself`, async () => {
    const id = await addEnded({ labels: ["phi"] });
    const answer = await read(id);
    const { rows } = await bed.admin.query("select details from audit_logs where target_id = $1", [id]);
    assert.deepEqual(
      rows.map((row) => row.details),
      [{ how, labels: ["phi"] }],
    );
    assert.doesNotMatch(JSON.stringify(answer), /labels|auditReads/);
  });
}

test("S70: a label that only a step carries makes the reading of its page audited", async () => {
  const id = await addEnded();
  await bed.admin.query(
    `insert into execution_steps (execution_id, node_id, workspace_id, node_type, status, seq, fence, output, labels)
     values ($1, 'fetch', $2, 'http.request', 'succeeded', 2, 1, '1', '{pii}')`,
    [id, person.workspaceId],
  );
  const page = (afterSeq: number, limit: number) =>
    readSteps(dependencies, person, id, { afterSeq, limit, how: "steps" });
  const entries = async () =>
    (await bed.admin.query("select details from audit_logs where target_id = $1", [id])).rows;
  await page(0, 1);
  assert.deepEqual(await entries(), []);
  await page(1, 1);
  assert.deepEqual(await entries(), [{ details: { how: "steps", labels: ["pii"] } }]);
});

test("S70: an empty page and a state without an error hold no data: no entry", async () => {
  const id = await bed.addExecution({ workspace_id: person.workspaceId, labels: ["phi"] });
  await readState(dependencies, person, id);
  await readSteps(dependencies, person, id, { afterSeq: 0, limit: 10, how: "events" });
  assert.equal(await readEnd(dependencies, person, id), null);
  const { rowCount } = await bed.admin.query("select from audit_logs where target_id = $1", [id]);
  assert.equal(rowCount, 0);
});

test("S70 A11: another workspace's execution is not found and not in any log", async () => {
  const eve = await bed.addPerson();
  const id = await addEnded({ labels: ["phi"] });
  await assert.rejects(readExecution(dependencies, eve, id), { code: "not_found" });
  await assert.rejects(readExecution(dependencies, eve, uuidv7()), { code: "not_found" });
  const { rowCount } = await bed.admin.query("select from audit_logs where actor_id = $1", [eve.userId]);
  assert.equal(rowCount, 0);
});
