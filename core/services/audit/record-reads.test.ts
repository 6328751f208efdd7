// S70: who reads is in the log before they have read, once in a while for the same read, many reads in one commit.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Actor } from "../../domain/roles.ts";
import { verifyAuditChain } from "../../persistence/audit/verify-audit-chain.ts";
import type { Database } from "../../persistence/database.ts";
import { createReadRecorder, type Read, type ReadRecorderOptions } from "./record-reads.ts";

let bed: ExecutionBed;
let database: Database;
let person: Actor & { workspaceId: string };

before(async () => {
  bed = await createExecutionBed();
  database = bed.open("atelier_api");
  person = await bed.addPerson("viewer");
});
after(() => bed?.close());

const readOf = (facts: Partial<Read["facts"]> = {}, how: Read["how"] = "execution"): Read => ({
  targetType: "execution",
  targetId: uuidv7(),
  how,
  facts: { workspaceId: person.workspaceId, labels: ["phi"], auditReads: false, ...facts },
});

type Entry = { actor_id: string; action: string; details: Record<string, unknown> };
const entriesOf = async (read: Read): Promise<Entry[]> =>
  (
    await bed.admin.query(
      "select actor_id, action, details from audit_logs where target_id = $1 and chain_id = $2 order by seq",
      [read.targetId, read.facts.workspaceId],
    )
  ).rows;

function createBench(options: Partial<ReadRecorderOptions> = {}) {
  const bench = { transactions: 0, now: 0 };
  const counted: Database = {
    ...database,
    transaction(principals, work) {
      bench.transactions += 1;
      return database.transaction(principals, work);
    },
  };
  return { bench, reads: createReadRecorder({ database: counted, now: () => bench.now, ...options }) };
}

test("S70: what has no label in a workspace that does not ask costs no transaction", async () => {
  const { bench, reads } = createBench();
  await reads.record(person, readOf({ labels: [] }));
  assert.equal(bench.transactions, 0);
  const read = readOf({ labels: [], auditReads: true });
  await reads.record(person, read);
  assert.equal(bench.transactions, 1);
  assert.deepEqual(await entriesOf(read), [
    { actor_id: person.userId, action: "execution.read", details: { how: "execution", labels: [] } },
  ]);
});

test("S70: the same read is one entry for ten minutes, also while the first is on its way", async () => {
  const { bench, reads } = createBench();
  const read = readOf();
  await Promise.all([1, 2, 3].map(() => reads.record(person, read)));
  bench.now += 599_999;
  await reads.record(person, read);
  assert.equal((await entriesOf(read)).length, 1);
  bench.now += 1;
  await reads.record(person, read);
  assert.equal((await entriesOf(read)).length, 2);
});

test("S70: another person, another key, another way and another label are other reads", async () => {
  const { reads } = createBench();
  const read = readOf();
  const apiKey = { id: uuidv7(), scopes: ["read" as const] };
  const other = await bed.addPerson("viewer", person.workspaceId);
  await reads.record(person, read);
  await reads.record({ ...person, sessionId: uuidv7() }, read);
  await reads.record({ ...person, sessionId: null, apiKey }, read);
  await reads.record(other, read);
  await reads.record(person, { ...read, how: "steps" });
  await reads.record(person, { ...read, facts: { ...read.facts, labels: ["phi", "pci"] } });
  const facts = (await entriesOf(read)).map(({ actor_id, details }) => [actor_id, details]);
  assert.deepEqual(facts, [
    [person.userId, { how: "execution", labels: ["phi"] }],
    [person.userId, { how: "execution", labels: ["phi"], apiKeyId: apiKey.id }],
    [other.userId, { how: "execution", labels: ["phi"] }],
    [person.userId, { how: "steps", labels: ["phi"] }],
    [person.userId, { how: "execution", labels: ["pci", "phi"] }],
  ]);
});

test("S70: 300 reads at once share few commits, and the chain is whole", async () => {
  const { bench, reads } = createBench();
  const all = Array.from({ length: 300 }, () => readOf());
  await Promise.all(all.map((read) => reads.record(person, read)));
  assert.ok(bench.transactions <= 3, `${bench.transactions} transactions`);
  for (const read of [all[0], all[299]]) assert.equal((await entriesOf(read as Read)).length, 1);
  const { workspaceId } = person;
  const verdict = await database.transaction({ workspaceIds: [workspaceId] }, (tx) =>
    verifyAuditChain(tx, workspaceId),
  );
  assert.equal(verdict.ok, true);
  assert.ok(verdict.checked >= 300);
});

test("S70: when the entry is refused nobody may read, and the next one tries again", async () => {
  const { bench, reads } = createBench();
  const [bad, good] = [readOf({}, "steps"), readOf()];
  await bed.admin.query(
    "alter table audit_logs add constraint broken check (details ->> 'how' <> 'steps') not valid",
  );
  const outcomes = await Promise.allSettled([bad, bad, good].map((read) => reads.record(person, read)));
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ["rejected", "rejected", "fulfilled"],
  );
  await bed.admin.query("alter table audit_logs drop constraint broken");
  const before = bench.transactions;
  await reads.record(person, bad);
  assert.equal(bench.transactions, before + 1);
  assert.equal((await entriesOf(bad)).length, 1);
});

test("a bounded number of reads is remembered: what is forgotten is written once more", async () => {
  const { reads } = createBench({ maxRemembered: 2 });
  const [first, second, third] = [readOf(), readOf(), readOf()];
  for (const read of [first, second, third, second, first]) await reads.record(person, read);
  assert.equal((await entriesOf(first)).length, 2);
  assert.equal((await entriesOf(second)).length, 1);
});
