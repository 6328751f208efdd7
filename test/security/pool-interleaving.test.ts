// S24: who was there before on the same connection leaves nothing behind, however their statement ended.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { sql } from "#core/persistence/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { seedTenant, type Tenant } from "./seed-tenant.ts";

let testDatabase: TestDatabase;
let single: Database;
let admin: pg.Client;
let a: Tenant;
let b: Tenant;

before(async () => {
  testDatabase = await createTestDatabase();
  single = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_api", maxConnections: 1 });
  admin = new pg.Client({ connectionString: testDatabase.adminUrl });
  await admin.connect();
  a = await seedTenant(admin, "a");
  b = await seedTenant(admin, "b");
});
after(async () => {
  await single?.close();
  await admin?.end();
  await testDatabase?.drop();
});

const principalsOf = (tenant: Tenant) => ({ userId: tenant.userId, workspaceIds: [tenant.workspaceId] });

type Sight = { pid: number; workspaces: string[]; userId: string | null };

const SIGHT = sql`select pg_backend_pid() as pid, app_user_id() as "userId",
  array(select distinct workspace_id::text from workflows) as workspaces`;

const sightOf = async (tenant: Tenant) =>
  (await single.transaction(principalsOf(tenant), (tx) => tx.one<Sight>(SIGHT))) as Sight;

/** Nobody sees anything, then B sees B's; on the connection `pid` when it must be the same one. */
async function assertClean(pid?: number): Promise<void> {
  const nobody = (await single.one<Sight>(SIGHT)) as Sight;
  assert.deepEqual([nobody.workspaces, nobody.userId], [[], null]);
  const sight = await sightOf(b);
  assert.deepEqual([sight.workspaces, sight.userId], [[b.workspaceId], b.userId]);
  if (pid !== undefined) assert.deepEqual([nobody.pid, sight.pid], [pid, pid]);
}

async function cancelWhenBusy(pid: number): Promise<void> {
  for (;;) {
    const { rows } = await admin.query(
      "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and query like '%pg_sleep%' and state = 'active'",
      [pid],
    );
    if (rows.length > 0) return;
    await sleep(5);
  }
}

test("S24: after a commit, an error, a roll-back, a cancelled query and a timeout nothing of A is left", async () => {
  const { pid, workspaces } = await sightOf(a);
  assert.deepEqual(workspaces, [a.workspaceId]);
  await assertClean(pid);

  const fails = (work: Parameters<Database["transaction"]>[1], why: RegExp) =>
    assert.rejects(single.transaction(principalsOf(a), work), why);
  await fails((tx) => tx.run(sql`select 1 / 0`), /division by zero/);
  await assertClean(pid);
  await fails(() => Promise.reject(new Error("changed my mind")), /changed my mind/);
  await assertClean(pid);

  const slow = fails((tx) => tx.run(sql`select pg_sleep(20)`), /./);
  await cancelWhenBusy(pid);
  await slow;
  await assertClean(pid);

  await fails(async (tx) => {
    await tx.run(sql`set local statement_timeout = 20`);
    await tx.run(sql`select pg_sleep(20)`);
  }, /./);
  await assertClean(pid);
  const { rows } = await admin.query(
    "select 1 from pg_stat_activity where pid = $1 and state like 'idle in%'",
    [pid],
  );
  assert.deepEqual(rows, []);
});

test("S24: a connection that was cut in A's transaction is not given to B", async () => {
  const { pid } = await sightOf(a);
  await assert.rejects(
    single.transaction(principalsOf(a), async (tx) => {
      await admin.query("select pg_terminate_backend($1)", [pid]);
      await sleep(50);
      await tx.run(SIGHT);
    }),
  );
  await assertClean();
});

test("S24: principals set by a statement of A do not outlive its transaction, even when set for the session", async () => {
  await single.transaction(principalsOf(a), (tx) =>
    tx.run(sql`select set_config('app.workspace_ids', ${`{${a.workspaceId},${b.workspaceId}}`}, true)`),
  );
  await assertClean();
});

test("S24: a hundred turns of A and B over one connection, every third one failing, never mix", async () => {
  const turns = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? a : b));
  const results = await Promise.allSettled(
    turns.map((tenant, index) =>
      single.transaction(principalsOf(tenant), async (tx) => {
        const sight = await tx.one<Sight>(SIGHT);
        if (index % 3 === 0) await tx.run(sql`select 1 / 0`);
        return sight;
      }),
    ),
  );
  for (const [index, result] of results.entries()) {
    if (index % 3 === 0) assert.equal(result.status, "rejected");
    else
      assert.deepEqual(result.status === "fulfilled" && result.value?.workspaces, [
        turns[index]?.workspaceId,
      ]);
  }
  await assertClean();
});
