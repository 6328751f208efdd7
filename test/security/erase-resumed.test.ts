// What happens around an erasure of a person while it runs: late writers, several at once, failures, unfit heirs.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { type AuditEntry, appendAudit, INSTANCE_CHAIN } from "#core/persistence/audit/audit-logs.ts";
import { createDatabase, type Database, type Executor, NOBODY } from "#core/persistence/database.ts";
import { eraseMember } from "#core/persistence/erasure/erase-people.ts";
import { listPendingErasures } from "#core/persistence/erasure/erasure-steps.ts";
import { type Sql, sql } from "#core/persistence/sql.ts";
import { stepErasure, takeErasureTurn } from "#core/services/erasure/finish-erasure.ts";
import { resumeErasures } from "#core/services/erasure/resume-erasures.ts";
import type { Person } from "../support/client.ts";
import { createEraseBed, type EraseBed } from "./erase-bed.ts";

type Reply = { code: string; deletedWorkspaces: number; leftWorkspaces: number; erasedEntries: number };

let bed: EraseBed;
let schedulers: Database[];
let ada: Person;
let eve: Person;
let shared: string;
let count = 0;

before(async () => {
  bed = await createEraseBed();
  const { databaseUrl } = bed.testDatabase;
  schedulers = [0, 1].map(() => createDatabase({ databaseUrl, role: "atelier_scheduler" }));
});
after(async () => {
  await Promise.all((schedulers ?? []).map((database) => database.close()));
  await bed?.close();
});

beforeEach(async () => {
  count += 1;
  ada = await bed.api.register(`ada.${count}@example.com`);
  eve = await bed.api.register(`eve.${count}@example.com`);
  shared = uuidv7();
  await bed.addWorkspace(shared, ada, "Shared");
  await bed.addMember(shared, eve, "editor");
});

const naming = (person: Person, chainId: string): AuditEntry => ({
  chainId,
  actorId: null,
  action: "member.invited",
  targetType: "user",
  targetId: null,
  details: { email: person.email },
});
const append = (entries: AuditEntry[]) => bed.database.transaction(NOBODY, (tx) => appendAudit(tx, entries));
const erasePerson = (whom: Person, more: Record<string, unknown> = {}, by = bed.admin) =>
  bed.call<Reply>(by, "POST", `/api/admin/users/${whom.userId}/erase`, { confirm: whom.email, ...more });
const placesOf = (person: Person) => bed.findText(person.email);

const letGoes: (() => void)[] = [];
afterEach(() => {
  for (const letGo of letGoes.splice(0)) letGo();
});

/** A transaction that is alive until it is let go; the last thing it does is `work`. */
async function openTransaction(
  work: (tx: Executor) => Promise<void> = async () => {},
  first: Sql = sql`select 1`,
) {
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
    letGoes.push(resolve);
  });
  let ended = Promise.resolve();
  await new Promise<void>((isOpen) => {
    ended = bed.database.transaction(NOBODY, async (tx) => {
      await tx.one(first);
      isOpen();
      await gate;
      await work(tx);
    });
  });
  return {
    end(): Promise<void> {
      letGo();
      return ended;
    },
  };
}

/** Until the statement finds a row. */
async function until(text: string, values: unknown[] = []): Promise<void> {
  for (let looks = 0; looks < 500; looks += 1) {
    if ((await bed.query(text, values)).length > 0) return;
    await delay(20);
  }
  throw new Error(`in vain: ${text}`);
}
const untilWaiting = (person: Person) =>
  until("select 1 from erasures where user_id = $1 and older_transactions <> '{}'", [person.userId]);

test("S43: what a transaction of before brings in while a person is erased, leaves with them", async () => {
  const late = await openTransaction((tx) =>
    appendAudit(tx, [naming(eve, shared), naming(eve, INSTANCE_CHAIN)]),
  );
  const reply = erasePerson(eve);
  await untilWaiting(eve);
  const [row] = await bed.query("select email, erased_at from users where id = $1", [eve.userId]);
  assert.deepEqual(row, { email: `erased-${eve.userId}@invalid`, erased_at: null });
  const other = uuidv7();
  await bed.addWorkspace(other, ada, "Other");
  await bed.addMember(other, eve, "owner");
  await bed.query(
    `insert into invitations (id, workspace_id, email, role, token_hash, invited_by, expires_at)
     values ($1, $2, $3, 'viewer', $4, $5, now())`,
    [uuidv7(), other, eve.email, Buffer.from([count]), ada.userId],
  );
  await late.end();
  const { status, body } = await reply;
  assert.equal(status, 200);
  // With that of the sign-up.
  assert.deepEqual([body.deletedWorkspaces, body.leftWorkspaces, body.erasedEntries], [1, 2, 3]);
  assert.deepEqual(await placesOf(eve), []);
  assert.deepEqual(await bed.query("select 1 from workspace_members where user_id = $1", [eve.userId]), []);
  const left = "select 1 from audit_logs where chain_id = $1 and action = 'member.erased' and target_id = $2";
  assert.equal((await bed.query(left, [other, eve.userId])).length, 1);
  assert.deepEqual(await bed.brokenChains(), []);
});

test("the last look waits for who is writing, and misses nothing of it", async () => {
  const old = await openTransaction();
  await append([{ ...naming(eve, shared), details: {} }]);
  const id = uuidv7();
  const member = { id, workspaceId: shared, userId: eve.userId, email: eve.email };
  const asAda = { userId: ada.userId, workspaceIds: [shared] };
  await bed.database.transaction(asAda, (tx) => eraseMember(tx, member));
  assert.equal((await stepErasure(bed.database, asAda, id)).step, "waiting");
  let commit = () => {};
  const gate = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let written = Promise.resolve();
  await new Promise<void>((hasWritten) => {
    written = bed.database.transaction(NOBODY, async (tx) => {
      await appendAudit(tx, [naming(eve, shared)]);
      hasWritten();
      await gate;
    });
  });
  await old.end();
  const last = stepErasure(bed.database, asAda, id);
  await until("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");
  commit();
  await written;
  const { step, erasedEntries } = await last;
  assert.deepEqual([step, erasedEntries], ["done", 1]);
  assert.equal((await stepErasure(bed.database, asAda, id)).step, "finished");
  assert.deepEqual(await bed.brokenChains(), []);
});

test("a turn that runs out of time leaves the erasure to the next, and joining it tells all its sums", async () => {
  const old = await openTransaction();
  const asAda = { userId: ada.userId, workspaceIds: [shared] };
  const member = { workspaceId: shared, userId: eve.userId, email: eve.email };
  await append([naming(eve, shared)]);
  const [first, second] = [uuidv7(), uuidv7()];
  const begun = await bed.database.transaction(asAda, (tx) => eraseMember(tx, { ...member, id: first }));
  assert.deepEqual([begun.erasureId, begun.joined], [first, false]);
  const turn = await takeErasureTurn(bed.database, asAda, first, { turnMs: 0, holdMs: 60_000 });
  assert.deepEqual([turn.isDone, turn.step, turn.erasedEntries], [false, "waiting", 1]);
  const joined = await bed.database.transaction(asAda, (tx) => eraseMember(tx, { ...member, id: second }));
  assert.deepEqual([joined.erasureId, joined.joined], [first, true]);
  await old.end();
  const next = await takeErasureTurn(bed.database, asAda, first, { turnMs: 60_000 });
  assert.deepEqual([next.isDone, next.step, next.erasedEntries], [true, "done", 1]);
});

test("who finds another erasure at its step goes away instead of waiting with a connection in hand", async () => {
  const member = { workspaceId: shared, userId: eve.userId, email: eve.email };
  const id = uuidv7();
  const asAda = { userId: ada.userId, workspaceIds: [shared] };
  await bed.database.transaction(asAda, (tx) => eraseMember(tx, { ...member, id }));
  const other = await openTransaction(
    undefined,
    sql`select pg_advisory_xact_lock(hashtext('atelier'), hashtext('erasures'))`,
  );
  assert.equal((await stepErasure(bed.database, asAda, id)).step, "busy");
  await other.end();
  assert.equal((await takeErasureTurn(bed.database, asAda, id, { turnMs: 60_000 })).isDone, true);
});

test("two administrators, the api and two schedulers at once, while all write: each part once, no deadlock", async () => {
  const second = await bed.api.register();
  await bed.query("update users set is_admin = true where id = $1", [second.userId]);
  const people = [ada, eve];
  for (let n = 0; n < 30; n += 1) {
    await append(people.flatMap((person) => [naming(person, shared), naming(person, INSTANCE_CHAIN)]));
  }
  let over = false;
  const writing = [0, 1, 2].map(async () => {
    while (!over)
      await append([naming(ada, INSTANCE_CHAIN), naming(eve, shared), naming(second, ada.workspaceId)]);
  });
  const stepping = schedulers.map(async (database) => {
    while (!over) {
      for (const { id } of await listPendingErasures(database))
        await stepErasure(database, NOBODY, id, { batch: 20 });
    }
  });
  const asked = people.flatMap((person) =>
    [bed.admin, second].map((by) => erasePerson(person, { successorId: bed.admin.userId }, by)),
  );
  const replies = await Promise.all(asked);
  over = true;
  await Promise.all([...writing, ...stepping]);
  for (const [index, person] of people.entries()) {
    const [one, two] = replies.slice(index * 2, index * 2 + 2);
    // Who comes when all is over finds nobody.
    assert.ok(
      [one, two].some((reply) => reply?.status === 200),
      JSON.stringify([one, two]),
    );
    assert.ok([one, two].every((reply) => reply?.status === 200 || reply?.status === 404));
    if (one?.status === two?.status) assert.deepEqual(one?.body, two?.body);
    for (const action of ["user.erasure_begun", "user.erased"]) {
      const text = "select 1 from audit_logs where action = $1 and target_id = $2";
      assert.equal((await bed.query(text, [action, person.userId])).length, 1, action);
    }
  }
  const twice = await bed.query(`
    select emptied.id from audit_logs, jsonb_array_elements_text(details->'entries') as emptied (id)
    where action = 'audit.details_erased' group by 1 having count(*) > 1`);
  assert.deepEqual(twice, []);
  assert.deepEqual(await bed.brokenChains(), []);
});

test("a successor who is disabled or being erased is refused, and a disabled owner is no heir", async () => {
  const [gone, dee] = [await bed.api.register(), await bed.api.register()];
  await bed.addMember(shared, dee, "owner");
  await bed.call(bed.admin, "PATCH", `/api/admin/users/${dee.userId}`, { disabled: true });
  const alone = await erasePerson(ada);
  assert.deepEqual([alone.status, alone.body.code], [409, "last_owner"]);
  const disabled = await erasePerson(ada, { successorId: dee.userId });
  assert.deepEqual([disabled.status, disabled.body.code], [409, "successor_unavailable"]);
  const old = await openTransaction();
  const erasing = erasePerson(gone);
  await untilWaiting(gone);
  const pending = await erasePerson(ada, { successorId: gone.userId });
  assert.deepEqual([pending.status, pending.body.code], [409, "successor_unavailable"]);
  const promoted = await bed.call(bed.admin, "PATCH", `/api/admin/users/${gone.userId}`, { isAdmin: true });
  assert.deepEqual([promoted.status, promoted.body.code], [409, "being_erased"]);
  await old.end();
  assert.equal((await erasing).status, 200);
  assert.equal((await bed.call(ada, "GET", "/auth/me")).status, 200, "refusals change nothing");
  assert.equal((await erasePerson(ada, { successorId: eve.userId })).status, 200);
  const owner = "select 1 from workspace_members where workspace_id = $1 and user_id = $2 and role = 'owner'";
  assert.equal((await bed.query(owner, [shared, eve.userId])).length, 1);
});

test("an erasure that fails is put off and counted, and the others are finished", async () => {
  const asAda = { userId: ada.userId, workspaceIds: [shared] };
  const people = [eve, await bed.api.register()];
  await bed.addMember(shared, people[1] as Person, "viewer");
  const ids: string[] = [];
  for (const { userId, email } of people) {
    ids.push(uuidv7());
    const member = { id: ids.at(-1) as string, workspaceId: shared, userId, email };
    await bed.database.transaction(asAda, (tx) => eraseMember(tx, member));
  }
  const [bad = "", good = ""] = ids;
  await bed.query(`create function fail_on_purpose() returns trigger language plpgsql as
    $$ begin raise exception 'on purpose'; end $$`);
  await bed.query(`create trigger a_fault before update on erasures for each row
    when (old.id = '${bad}' and new.failures = 0) execute function fail_on_purpose()`);
  const makeDue = () =>
    bed.query(
      "update erasures set due_at = clock_timestamp() - interval '1 second' where id <> $1 or failures > 0",
      [bad],
    );
  const scheduler = schedulers[0] as Database;
  await bed.query("update erasures set failures = 1 where id = $1", [bad]);
  assert.deepEqual((await resumeErasures(scheduler)).finished, [], "the api is given its time");
  await makeDue();
  const pass = await resumeErasures(scheduler);
  assert.deepEqual(
    pass.failed.map(({ erasure }) => erasure.id),
    [bad],
  );
  assert.deepEqual(
    pass.finished.map(({ id }) => id),
    [good],
  );
  const next = await resumeErasures(scheduler);
  assert.deepEqual(next.failed, [], "not tried again at once");
  assert.deepEqual(
    next.pending.map(({ id, failures, due }) => ({ id, failures, due })),
    [{ id: bad, failures: 2, due: false }],
  );
  await bed.query("drop trigger a_fault on erasures");
  await makeDue();
  assert.deepEqual(
    (await resumeErasures(scheduler)).finished.map(({ id }) => id),
    [bad],
  );
});
