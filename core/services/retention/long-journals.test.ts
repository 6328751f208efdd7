// Journals too big for one batch, and workspaces whose turn fails: neither keeps anybody's payloads beyond their days.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Database } from "../../persistence/database.ts";
import { expireBatch, type RetentionPart } from "../../persistence/retention/expired-executions.ts";
import { purgeWorkspaces } from "../erasure/purge-workspaces.ts";
import { expireExecutions } from "./expire-executions.ts";
import { sweepExpired } from "./sweep-rows.ts";

const SECRET = "078-05-1120";
/** A batch of one execution is done with so many steps and approvals. */
const BOUND = 20;

let bed: ExecutionBed;
let scheduler: Database;
before(async () => {
  bed = await createExecutionBed();
  scheduler = bed.open("atelier_scheduler");
});
after(() => bed?.close());

type Home = { userId: string; workspaceId: string };

async function addHome(part: RetentionPart): Promise<Home> {
  const person = await bed.addPerson();
  const column = part === "payloads" ? "payload_days" : "execution_days";
  await bed.admin.query(`update workspaces set ${column} = 5 where id = $1`, [person.workspaceId]);
  return person;
}

/** Ended `ageDays` ago, with so many steps of two nodes and approvals, all of which hold something. */
async function addEnded(
  { workspaceId, userId }: Home,
  { steps, approvals = 0, ageDays = 9 }: { steps: number; approvals?: number; ageDays?: number },
): Promise<string> {
  const msecs = Date.now() - ageDays * 86_400_000;
  const id = uuidv7({ msecs });
  await bed.addExecution({
    ...{ id, root_id: id, workspace_id: workspaceId, user_id: userId, status: "succeeded" },
    ...{ input: JSON.stringify(SECRET), created_at: new Date(msecs), finished_at: new Date(msecs + 1_000) },
  });
  await bed.admin.query(
    `insert into execution_steps (execution_id, node_id, iteration, workspace_id, node_type, status, seq, fence, input)
     select $1, 'node' || n % 2, n::text, $2, 'data.transform', 'succeeded', n, 1, $4 from generate_series(1, $3::int) n`,
    [id, workspaceId, steps, JSON.stringify(SECRET)],
  );
  await bed.admin.query(
    `insert into approvals (id, workspace_id, execution_id, node_id, iteration, status, decided_at, message)
     select gen_random_uuid(), $1, $2, 'ask', n::text, 'approved', now(), $4 from generate_series(1, $3::int) n`,
    [workspaceId, id, approvals, SECRET],
  );
  return id;
}

/** How many rows still hold what is secret. */
async function held(workspaceId: string): Promise<{ executions: number; steps: number; approvals: number }> {
  const { rows } = await bed.admin.query(
    `select (select count(*)::int from workflow_executions where workspace_id = $1 and input is not null) executions,
       (select count(*)::int from execution_steps where workspace_id = $1 and input is not null) steps,
       (select count(*)::int from approvals where workspace_id = $1 and message <> '') approvals`,
    [workspaceId],
  );
  return rows[0];
}

async function told(workspaceId: string) {
  const text =
    "select details from audit_logs where chain_id = $1 and action like 'execution.%' order by seq";
  const { rows } = await bed.admin.query(text, [workspaceId]);
  return rows.map(({ details: { executions, steps, firstId, lastId } }) => ({
    ...{ executions, steps, firstId, lastId },
  }));
}

const takeBatch = ({ workspaceId }: Home, part: RetentionPart, after: string | null, limit = 1) =>
  scheduler.transaction({ workspaceIds: [] }, (tx) =>
    expireBatch(tx, { workspaceId, part }, { after, limit }),
  );

/** Whatever touches rows of the workspace in `table` fails as a statement does that takes too long. */
async function breakTable(table: string, event: "update" | "delete", workspaceId: string): Promise<void> {
  await bed.admin.query(`
    create or replace function break_off() returns trigger language plpgsql as
      $$ begin raise exception 'canceling statement due to statement timeout' using errcode = '57014'; end $$;
    create trigger broken before ${event} on ${table} for each row
      when (old.workspace_id = '${workspaceId}') execute function break_off()`);
}
const mend = (table: string) => bed.admin.query(`drop trigger broken on ${table}`);

test("payloads of a journal too big for one batch go in parts, its execution first; a kill or a hold between them loses nothing", async () => {
  const home = await addHome("payloads");
  const id = await addEnded(home, { steps: 50, approvals: 30 });
  const small = await addEnded(home, { steps: 3, ageDays: 8 });

  const first = await takeBatch(home, "payloads", null);
  assert.equal(first.state, "more");
  assert.ok((await bed.execution(id)).payload_expired_at, "not to be retried from now on");
  for (let last = await held(home.workspaceId), batch = 0; batch < 2; batch += 1) {
    // Nothing is handed on: each of them may be the first of a scheduler that has just started.
    const taken = await takeBatch(home, "payloads", null);
    const now = await held(home.workspaceId);
    const rows = last.steps - now.steps + last.approvals - now.approvals;
    assert.ok(rows > 0 && rows <= BOUND, `${rows} rows in one batch`);
    assert.equal(taken.steps, last.steps - now.steps);
    assert.deepEqual([taken.state, taken.executions], ["more", 0]);
    last = now;
  }

  const between = await held(home.workspaceId);
  const hold = "update workspaces set legal_hold_at = now(), legal_hold_reason = 'a court' where id = $1";
  await bed.admin.query(hold, [home.workspaceId]);
  assert.equal((await takeBatch(home, "payloads", null)).state, "kept");
  assert.deepEqual(await expireExecutions(scheduler, { batch: 1 }), { executions: 0, payloads: 0, steps: 0 });
  assert.deepEqual(await held(home.workspaceId), between, "what is left is held");
  const lift = "update workspaces set legal_hold_at = null, legal_hold_reason = null where id = $1";
  await bed.admin.query(lift, [home.workspaceId]);

  const rest = await expireExecutions(scheduler, { batch: 1 });
  assert.deepEqual(rest, { executions: 0, payloads: 2, steps: between.steps });
  assert.deepEqual(await held(home.workspaceId), { executions: 0, steps: 0, approvals: 0 });
  const entries = await told(home.workspaceId);
  const sum = (what: "executions" | "steps") => entries.reduce((total, entry) => total + entry[what], 0);
  assert.deepEqual([sum("executions"), sum("steps")], [2, 53]);
  assert.deepEqual([entries.at(-1)?.firstId, entries.at(-1)?.lastId], [id, small]);
});

test("many long journals in one batch, of schedulers that run at once: each step is emptied and told once", async () => {
  const home = await addHome("payloads");
  const ids = [];
  for (let n = 0; n < 9; n += 1) ids.push(await addEnded(home, { steps: 45, ageDays: 10 + n }));
  const schedulers = [scheduler, bed.open("atelier_scheduler"), bed.open("atelier_scheduler")];
  await Promise.all(schedulers.map((each) => expireExecutions(each, { batch: 3 })));
  await expireExecutions(scheduler, { batch: 3 });
  assert.deepEqual(await held(home.workspaceId), { executions: 0, steps: 0, approvals: 0 });
  const entries = await told(home.workspaceId);
  const sum = (what: "executions" | "steps") => entries.reduce((total, entry) => total + entry[what], 0);
  assert.deepEqual([sum("executions"), sum("steps")], [9, 9 * 45]);
});

test("what is deleted while its journal is being emptied is not waited for", async () => {
  const home = await addHome("payloads");
  await addEnded(home, { steps: 50 });
  const other = await addEnded(home, { steps: 2, ageDays: 8 });
  await takeBatch(home, "payloads", null);
  await bed.admin.query("delete from execution_steps where workspace_id = $1 and execution_id <> $2", [
    home.workspaceId,
    other,
  ]);
  await bed.admin.query("delete from workflow_executions where workspace_id = $1 and id <> $2", [
    home.workspaceId,
    other,
  ]);
  assert.deepEqual(await expireExecutions(scheduler, { batch: 1 }), { executions: 0, payloads: 1, steps: 2 });
});

test("approvals count too where executions go: as many in a batch as steps", async () => {
  const home = await addHome("executions");
  await addEnded(home, { steps: 1, approvals: 50 });
  const first = await takeBatch(home, "executions", null);
  assert.deepEqual([first.state, first.executions], ["more", 0]);
  assert.equal((await held(home.workspaceId)).approvals, 50 - BOUND);
  assert.equal((await expireExecutions(scheduler, { batch: 1 })).executions, 1);
  assert.equal((await held(home.workspaceId)).approvals, 0);
});

test("a workspace whose batch fails holds up no other: theirs go and are told, and the run counts as failed", async () => {
  const homes = [await addHome("payloads"), await addHome("payloads"), await addHome("payloads")];
  homes.sort((one, other) => (one.workspaceId < other.workspaceId ? -1 : 1));
  for (const home of homes) await addEnded(home, { steps: 4 });
  const [first, broken, last] = homes as [Home, Home, Home];
  await breakTable("execution_steps", "update", broken.workspaceId);
  await assert.rejects(
    expireExecutions(scheduler),
    (error) =>
      error instanceof AggregateError &&
      error.errors.length === 1 &&
      error.message.includes(broken.workspaceId) &&
      error.message.includes("statement timeout"),
  );
  for (const home of [first, last]) {
    assert.equal((await held(home.workspaceId)).steps, 0);
    assert.deepEqual(
      (await told(home.workspaceId)).map(({ executions }) => executions),
      [1],
    );
  }
  assert.equal((await held(broken.workspaceId)).steps, 4);
  assert.deepEqual(await told(broken.workspaceId), []);
  await mend("execution_steps");
  assert.equal((await expireExecutions(scheduler)).payloads, 1);
});

test("a deleted workspace that cannot be purged holds up no other, and a kind of rows no other kind", async () => {
  const homes: [Home, Home, Home] = [await bed.addPerson(), await bed.addPerson(), await bed.addPerson()];
  const files =
    "insert into files (id, workspace_id, owner_id, name, content_type, created_at) values ($1, $2, $3, 'a', 'b', $4)";
  const old = new Date(Date.now() - 2 * 86_400_000);
  for (const { workspaceId, userId } of homes)
    await bed.admin.query(files, [uuidv7(), workspaceId, userId, old]);
  const [kept, broken] = homes;
  await breakTable("files", "delete", broken.workspaceId);
  await bed.admin.query("insert into rate_limits (key, points, expire) values ('a', 1, 0)");
  await breakTable("schedule_skips", "delete", broken.workspaceId);
  await bed.admin.query(
    `insert into schedule_skips (id, workspace_id, schedule_id, first_slot, last_slot, reason)
     values ($1, $2, $1, now(), now(), 'missed')`,
    [uuidv7({ msecs: Date.now() - 401 * 86_400_000 }), broken.workspaceId],
  );
  await assert.rejects(sweepExpired(scheduler), /scheduleSkips: .*brokenUploads: /s);
  assert.equal(
    (await bed.admin.query("select from rate_limits")).rowCount,
    0,
    "counts come after what failed",
  );

  const ids = homes.map(({ workspaceId }) => workspaceId).filter((id) => id !== kept.workspaceId);
  const client = await bed.admin.connect();
  // As if it had been deleted as it should be, with its entry.
  await client.query("set session_replication_role = replica");
  await client.query("update workspaces set deleted_at = now() where id = any ($1)", [ids]);
  client.release(true);
  const purge = async () => {
    for (let pass = 0; pass < 20; pass += 1) await purgeWorkspaces(scheduler);
  };
  await assert.rejects(purge, (error) => String(error).includes(broken.workspaceId));
  const { rows } = await bed.admin.query("select workspace_id from files where workspace_id = any ($1)", [
    ids,
  ]);
  assert.deepEqual(rows, [{ workspace_id: broken.workspaceId }]);
});
