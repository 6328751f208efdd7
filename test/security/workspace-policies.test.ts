// What row-level security allows of memberships on its own: direct SQL as the interface's role, no service in between.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { type Sql, sql } from "#core/persistence/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { seedTenant, type Tenant } from "./seed-tenant.ts";

let testDatabase: TestDatabase;
let api: Database;
let admin: pg.Client;
let a: Tenant;
/** A member of A's second workspace, and nothing more. */
let b: Tenant;
let shared: string;

before(async () => {
  testDatabase = await createTestDatabase();
  api = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_api", maxConnections: 2 });
  admin = new pg.Client({ connectionString: testDatabase.adminUrl });
  await admin.connect();
  a = await seedTenant(admin, "a");
  b = await seedTenant(admin, "b");
  shared = uuidv7();
  await admin.query("insert into workspaces (id, name, created_by) values ($1, 'shared', $2)", [
    shared,
    a.userId,
  ]);
  await addMember(a, "owner");
  await addMember(b, "editor");
});
after(async () => {
  await Promise.all([api?.close(), admin?.end()]);
  await testDatabase?.drop();
});

const addMember = ({ userId }: Tenant, role: string) =>
  admin.query("insert into workspace_members (workspace_id, user_id, role) values ($1, $2, $3)", [
    shared,
    userId,
    role,
  ]);

/** In the name of a tenant, with all of their own workspaces. */
const as = ({ userId, workspaceId }: Tenant, statement: Sql) =>
  api.transaction({ userId, workspaceIds: [workspaceId, shared] }, (tx) => tx.run(statement));

const REFUSED = /row-level security/;

test("a member who is no owner changes nobody's role, removes nobody, lets nobody in", async () => {
  assert.equal(
    await as(b, sql`update workspace_members set role = 'owner' where workspace_id = ${shared}`),
    0,
  );
  assert.equal(
    await as(b, sql`delete from workspace_members where workspace_id = ${shared} and user_id = ${a.userId}`),
    0,
  );
  const friend = uuidv7();
  await admin.query("insert into users (id, email, password_hash) values ($1, 'friend@example.com', '-')", [
    friend,
  ]);
  for (const [who, whom] of [
    [b, friend],
    [b, b.userId],
    [a, friend],
  ] as const) {
    const insert = sql`insert into workspace_members (workspace_id, user_id, role) values (${shared}, ${whom}, 'owner')`;
    await assert.rejects(as(who, insert), REFUSED, "in by invitation only, whoever asks");
  }
});

test("a member who is no owner changes nothing of the workspace, and neither sees nor makes invitations", async () => {
  assert.equal(await as(b, sql`update workspaces set name = 'mine' where id = ${shared}`), 0);
  assert.equal(
    await as(b, sql`select id from workspaces where id = ${shared} for update`),
    0,
    "nor holds it up",
  );
  await assert.rejects(as(b, sql`update workspaces set created_by = ${b.userId}`), /permission denied/);
  await assert.rejects(as(b, sql`delete from workspaces`), /permission denied/);
  const invitation = (workspaceId: string | null, role: string | null) => sql`
    insert into invitations (id, workspace_id, email, role, token_hash, invited_by, expires_at)
    values (${uuidv7()}, ${workspaceId}, 'x@example.com', ${role}, sha256(${uuidv7()}::bytea), ${b.userId}, now() + interval '1 day')`;
  await assert.rejects(as(b, invitation(shared, "owner")), REFUSED);
  await assert.rejects(as(b, invitation(null, null)), REFUSED, "to the instance as an administrator only");
  assert.equal(await as(a, invitation(shared, "viewer")), 1);
  assert.equal(await as(b, sql`select id from invitations where workspace_id = ${shared}`), 0);
  assert.equal(await as(a, sql`select id from invitations where workspace_id = ${shared}`), 1);
});

test("nobody founds a workspace for somebody else, or becomes owner of one that has people", async () => {
  const id = uuidv7();
  const found = (by: string, personal: boolean) =>
    api.transaction({ userId: a.userId, workspaceIds: [id] }, async (tx) => {
      await tx.run(
        sql`insert into workspaces (id, name, created_by, personal) values (${id}, 'new', ${by}, ${personal})`,
      );
      const member = (userId: string) =>
        tx.run(
          sql`insert into workspace_members (workspace_id, user_id, role) values (${id}, ${userId}, 'owner')`,
        );
      await member(a.userId);
      await member(b.userId);
    });
  await assert.rejects(found(b.userId, false), REFUSED);
  await assert.rejects(found(a.userId, true), REFUSED);
  await assert.rejects(found(a.userId, false), REFUSED, "the second member is no founder");
});

test("an owner changes roles, but neither whose membership it is nor the last owner's", async () => {
  const mine = sql`workspace_id = ${shared} and user_id = ${a.userId}`;
  assert.equal(
    await as(
      a,
      sql`update workspace_members set role = 'viewer' where workspace_id = ${shared} and user_id = ${b.userId}`,
    ),
    1,
  );
  await assert.rejects(
    as(a, sql`update workspace_members set user_id = ${b.userId} where ${mine}`),
    /one person's in one workspace/,
  );
  await assert.rejects(
    as(a, sql`update workspace_members set role = 'viewer' where ${mine}`),
    /keeps an owner/,
  );
  await assert.rejects(as(a, sql`delete from workspace_members where ${mine}`), /keeps an owner/);
  await assert.rejects(
    as(a, sql`delete from workspace_members where workspace_id = ${shared}`),
    /keeps an owner/,
  );
  const own = sql`delete from workspace_members where workspace_id = ${a.workspaceId}`;
  await assert.rejects(as(a, own), /keeps its person/);
});

test("everybody may take themselves out; who made a workspace and left it sees it no more", async () => {
  const leave = sql`delete from workspace_members where workspace_id = ${shared} and user_id = ${b.userId}`;
  assert.equal(await as(b, leave), 1);
  await addMember(b, "owner");
  assert.equal(
    await as(a, sql`delete from workspace_members where workspace_id = ${shared} and user_id = ${a.userId}`),
    1,
  );
  const back = sql`insert into workspace_members (workspace_id, user_id, role) values (${shared}, ${a.userId}, 'owner')`;
  await assert.rejects(as(a, back), REFUSED, "nor comes back on their own");
  const seen = await api.transaction({ userId: a.userId, workspaceIds: [a.workspaceId] }, (tx) =>
    tx.many(sql`select id from workspaces`),
  );
  assert.deepEqual(seen, [{ id: a.workspaceId }]);
});
