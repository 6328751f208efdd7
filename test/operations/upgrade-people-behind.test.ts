// Migration 0056 on the rows of the release before: whom they have behind them, found while what they came from is there.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { listMigrations, migrateDatabase } from "../../migrations/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { createEmptyDatabase } from "./backup-commands.ts";

type Row = Record<string, string | null>;

let near: TestDatabase;
before(async () => {
  near = await createTestDatabase();
});
after(() => near?.drop());

test("retries, forks and what they called learn of everybody behind them, others of nobody", async (t) => {
  const database = await createEmptyDatabase(near, t);
  const names = await listMigrations();
  const upTo = names[names.indexOf("0056_people_behind") - 1];
  await migrateDatabase({ databaseUrl: database.databaseUrl, restoring: { upTo } });
  const [ada, bob, cleo, dan] = Array.from({ length: 4 }, () => uuidv7());
  const add = async (user: string | undefined, row: Row = {}): Promise<string> => {
    const id = uuidv7();
    const all: Row = { id, workspace_id: uuidv7(), workflow_id: uuidv7(), version: "1", root_id: id, ...row };
    const columns = Object.entries({ ...all, user_id: user ?? null });
    await asAdmin(
      database,
      `insert into workflow_executions (${columns.map(([name]) => name).join(", ")})
       values (${columns.map((_, index) => `$${index + 1}`).join(", ")})`,
      columns.map(([, value]) => value),
    );
    return id;
  };
  const byHand = { trigger_type: "schedule", trigger: JSON.stringify({ startedBy: dan }) };
  const first = await add(ada, { ...byHand, status: "failed", finished_at: new Date().toISOString() });
  const retry = await add(bob, { retry_of: first });
  const fork = await add(cleo, { fork_of: retry });
  const child = await add(cleo, { parent_id: fork });
  const grandchild = await add(cleo, { parent_id: child });
  const childByHand = await add(ada, { parent_id: first });
  const again = await add(ada, { retry_of: await add(ada) });
  const childOfPlain = await add(ada, { parent_id: again });
  await migrateDatabase({ databaseUrl: database.databaseUrl });
  // A role of the release before, which does not know the column.
  const late = await add(cleo, { parent_id: fork });

  const text = "select id, people_behind as people from workflow_executions";
  const rows = await asAdmin<{ id: string; people: string[] | null }>(database, text);
  const people = new Map(rows.map((row) => [row.id, row.people]));
  const behind = (id: string) => people.get(id)?.toSorted();
  const sorted = (...ids: unknown[]) => ids.toSorted();
  assert.deepEqual(behind(retry), sorted(ada, dan));
  assert.deepEqual(behind(fork), sorted(ada, bob, dan));
  for (const id of [child, grandchild, late]) assert.deepEqual(behind(id), sorted(ada, bob, dan));
  assert.deepEqual(behind(childByHand), [dan]);
  assert.equal(people.get(first), null);
  for (const id of [again, childOfPlain]) assert.deepEqual(behind(id), []);
});
