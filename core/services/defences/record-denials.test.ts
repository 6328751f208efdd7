// Denials are all counted, and few entries say it.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { asAdmin } from "../../../test/support/query.ts";
import { createDatabase, type Database } from "../../persistence/database.ts";
import { createDenialRecorder, type Denial } from "./record-denials.ts";

let testDatabase: TestDatabase;
let database: Database;

before(async () => {
  testDatabase = await createTestDatabase();
  database = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_api" });
});
after(async () => {
  await database?.close();
  await testDatabase?.drop();
});

type Entry = {
  actor: string | null;
  target: string;
  details: { client: string; code: string; count: number };
};

const entriesOf = (code: string) =>
  asAdmin<Entry>(
    testDatabase,
    "select actor_id as actor, target_id as target, details from audit_logs where details ->> 'code' = $1 order by seq",
    [code],
  );
const sumOf = (entries: readonly Entry[]) => entries.reduce((sum, { details }) => sum + details.count, 0);

const denial = (code: string, change: Partial<Denial> = {}): Denial => ({
  actorId: null,
  subjectId: null,
  client: "192.0.2.1",
  method: "GET",
  route: "/api/workflows/:id",
  code,
  ...change,
});

test("a thousand denials of three kinds are three entries", async () => {
  const recorder = createDenialRecorder({ database, onError: assert.ifError });
  const actorId = randomUUID();
  const kinds = [{}, { actorId }, { client: "192.0.2.2" }];
  for (let index = 0; index < 1_000; index++) recorder.record(denial("few", kinds[index % 3]));
  await recorder.close();
  const entries = await entriesOf("few");
  assert.deepEqual(
    entries.map(({ actor, details }) => [actor, details.client, details.count]),
    [
      [null, "192.0.2.1", 334],
      [actorId, "192.0.2.1", 333],
      [null, "192.0.2.2", 333],
    ],
  );
  assert.ok(entries.every(({ target }) => target === "GET /api/workflows/:id"));
});

test("more kinds than are kept apart become one, and none is lost", async () => {
  const recorder = createDenialRecorder({ database, maxKinds: 5, onError: assert.ifError });
  for (let index = 0; index < 500; index++) recorder.record(denial("many", { client: `10.0.${index}` }));
  await recorder.close();
  const entries = await entriesOf("many");
  assert.equal(entries.length, 6);
  assert.equal(sumOf(entries), 500);
  assert.deepEqual(entries.at(-1)?.details.client, "many");
});

test("what could not be written is written with the next", async () => {
  const errors: unknown[] = [];
  await asAdmin(testDatabase, "alter table audit_logs rename to audit_logs_away");
  const recorder = createDenialRecorder({ database, everyMs: 10, onError: (error) => errors.push(error) });
  recorder.record(denial("late"));
  while (errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await asAdmin(testDatabase, "alter table audit_logs_away rename to audit_logs");
  recorder.record(denial("late"));
  await recorder.close();
  assert.equal(sumOf(await entriesOf("late")), 2);
});

test("it writes by itself, without waiting for the end", async () => {
  const recorder = createDenialRecorder({ database, everyMs: 10, onError: assert.ifError });
  recorder.record(denial("soon"));
  while ((await entriesOf("soon")).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(sumOf(await entriesOf("soon")), 1);
  await recorder.close();
  assert.equal(sumOf(await entriesOf("soon")), 1);
});
