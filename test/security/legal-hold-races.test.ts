// Legal hold against what is deleted or erased at the same moment: whichever of the two transactions comes first, nothing
// goes after the hold was answered.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { v7 as uuidv7 } from "uuid";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { isHeld } from "#core/persistence/identity/workspaces.ts";
import { sweepExpired } from "#core/services/retention/sweep-rows.ts";
import type { Person } from "../support/client.ts";
import { chain } from "../support/workflows.ts";
import { createEraseBed, type EraseBed } from "./erase-bed.ts";

const DAY = 86_400_000;

let bed: EraseBed;
let other: Client;
let scheduler: Database;
let owner: Person;
let workspaceId: string;

before(async () => {
  bed = await createEraseBed();
  scheduler = createDatabase({ databaseUrl: bed.testDatabase.databaseUrl, role: "atelier_scheduler" });
  other = new Client({ connectionString: bed.testDatabase.adminUrl });
  await other.connect();
  owner = await bed.api.register();
});
after(async () => {
  await other?.end();
  await scheduler?.close();
  await bed?.close();
});

async function renew(): Promise<void> {
  workspaceId = uuidv7();
  await bed.addWorkspace(workspaceId, owner, "Shared");
}

const hold = () =>
  bed.call(owner, "PATCH", `/api/workspaces/${workspaceId}`, { legalHold: true, legalHoldReason: "a court" });

/** Sets a hold in a transaction that is open until the returned function is called. */
async function beginHold(): Promise<() => Promise<unknown>> {
  await other.query("begin");
  await other.query(
    "update workspaces set legal_hold_at = now(), legal_hold_reason = 'a court' where id = $1",
    [workspaceId],
  );
  return () => other.query("commit");
}

/** Whether it comes to wait for another transaction, rather than to its end. */
async function waits(work: Promise<unknown>): Promise<boolean> {
  let hasEnded = false;
  const end = () => {
    hasEnded = true;
  };
  work.then(end, end);
  const text = `select 1 from pg_locks l join pg_stat_activity s on s.pid = l.pid
    where not l.granted and s.datname = current_database()`;
  while (!hasEnded) {
    if ((await bed.query(text)).length > 0) return true;
    await delay(5);
  }
  return false;
}

async function addFile(): Promise<string> {
  const id = uuidv7();
  await bed.query(
    `insert into files (id, workspace_id, owner_id, name, content_type, sha256, completed_at)
     values ($1, $2, $3, 'a.txt', 'text/plain', '\\x00', now())`,
    [id, workspaceId, owner.userId],
  );
  return `/api/files/${id}`;
}

async function addSchedule(): Promise<string> {
  const workflow = { name: "w", graph: chain(), workspaceId };
  const made = await bed.call<{ id: string }>(owner, "POST", "/api/workflows", workflow);
  const schedule = { workflowId: made.body.id, cron: "0 0 1 1 *" };
  const { status, body } = await bed.call<{ id: string }>(owner, "POST", "/api/schedules", schedule);
  assert.equal(status, 201);
  return `/api/schedules/${body.id}`;
}

/** Somebody whom only the log of the workspace names. */
async function addLeaver(): Promise<Person> {
  const leaver = await bed.api.register();
  await bed.addMember(workspaceId, leaver, "editor");
  const path = `/api/workspaces/${workspaceId}/members/${leaver.userId}`;
  assert.equal((await bed.call(owner, "DELETE", path)).status, 204);
  return leaver;
}

const eraseByAdmin = (person: Person) =>
  bed.call<{ code: string }>(bed.admin, "POST", `/api/admin/users/${person.userId}/erase`, {
    confirm: person.email,
  });

test("a person that only the log names is not erased while a hold is being set", async () => {
  await renew();
  const leaver = await addLeaver();
  const commit = await beginHold();
  const erasure = eraseByAdmin(leaver);
  const hasWaited = await waits(erasure);
  await commit();
  const { status, body } = await erasure;
  assert.deepEqual([hasWaited, status, body.code], [true, 409, "legal_hold"]);
  const rows = await bed.query("select 1 from erasures where user_id = $1", [leaver.userId]);
  assert.deepEqual(rows, []);
});

test("a hold is not answered while an erasure that has not seen it is being committed", async () => {
  await renew();
  const leaver = await addLeaver();
  await other.query("begin");
  await other.query(
    "insert into erasures (id, user_id, asked_by, email, name) values ($1, $2, $3, $4, 'Leaver')",
    [uuidv7(), leaver.userId, bed.admin.userId, leaver.email],
  );
  const held = hold();
  const hasWaited = await waits(held);
  await other.query("rollback");
  assert.deepEqual([hasWaited, (await held).status], [true, 200]);
});

test("a member is not taken out of a workspace that a hold is being set on, whoever has locked what before", async () => {
  await renew();
  const member = await bed.api.register();
  await bed.addMember(workspaceId, member, "editor");
  const commit = await beginHold();
  const eraser = new Client({ connectionString: bed.testDatabase.adminUrl });
  await eraser.connect();
  try {
    await eraser.query("set role atelier_eraser");
    const text = "delete from workspace_members where workspace_id = $1 and user_id = $2";
    const taken = eraser
      .query(text, [workspaceId, member.userId])
      .catch((error: { code: string }) => error.code);
    const hasWaited = await waits(taken);
    await commit();
    assert.deepEqual([hasWaited, await taken], [true, "ZA004"]);
  } finally {
    await eraser.end();
  }
});

test("neither a file nor a schedule is deleted while a hold is being set", async () => {
  await renew();
  for (const path of [await addFile(), await addSchedule()]) {
    await bed.query("update workspaces set legal_hold_at = null, legal_hold_reason = null where id = $1", [
      workspaceId,
    ]);
    const commit = await beginHold();
    const deletion = bed.call<{ code: string }>(owner, "DELETE", path);
    const hasWaited = await waits(deletion);
    await commit();
    const { status, body } = await deletion;
    assert.deepEqual([hasWaited, status, body.code], [true, 409, "legal_hold"], path);
    assert.equal((await bed.call(owner, "GET", path)).status, 200, path);
  }
});

test("a hold is not answered while a deletion that has not seen it is being committed; deletions do not wait for each other", async () => {
  await renew();
  const path = await addFile();
  const looked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const deletion = bed.database.transaction(
    { userId: owner.userId, workspaceIds: [workspaceId] },
    async (tx) => {
      assert.equal(await isHeld(tx, workspaceId), false);
      looked.resolve();
      await go.promise;
    },
  );
  await looked.promise;
  assert.equal((await bed.call(owner, "DELETE", path)).status, 204);
  const held = hold();
  const hasWaited = await waits(held);
  go.resolve();
  await deletion;
  assert.deepEqual([hasWaited, (await held).status], [true, 200]);
});

test("the history of a schedule is not swept while a hold is being set", async () => {
  await renew();
  const scheduleId = (await addSchedule()).split("/").at(-1);
  const id = uuidv7({ msecs: Date.now() - 401 * DAY });
  await bed.query(
    `insert into schedule_skips (id, workspace_id, schedule_id, first_slot, last_slot, slots, reason)
     values ($1, $2, $3, now() - interval '401 days', now() - interval '401 days', 1, 'missed')`,
    [id, workspaceId, scheduleId],
  );
  const commit = await beginHold();
  const sweep = sweepExpired(scheduler);
  const hasWaited = await waits(sweep);
  await commit();
  assert.deepEqual([hasWaited, (await sweep).scheduleSkips], [true, undefined]);
});
