// An api killed in the middle of an erasure: the scheduler finishes it, and nothing in the log names the person.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { type AuditEntry, appendAudit, INSTANCE_CHAIN } from "../../core/persistence/audit/audit-logs.ts";
import { createEraseBed, type EraseBed } from "../security/erase-bed.ts";
import { createClient, PASSWORD, type Person } from "../support/client.ts";
import { findFreePort } from "../support/free-port.ts";
import { createPlatform, type Platform } from "../support/platform.ts";

// 10 steps of 2,000 for an erasure that looks at all of them.
const ENTRIES = 20_000;
const PATIENCE = { timeout: 180_000 };

let bed: EraseBed;
let platform: Platform;
let healthPort: number;

before(async () => {
  bed = await createEraseBed();
  platform = await createPlatform({ DATABASE_URL: bed.testDatabase.databaseUrl });
  healthPort = await findFreePort();
});
after(async () => {
  await platform?.close();
  await bed?.close();
});

const append = (entries: AuditEntry[]) =>
  bed.database.transaction({ workspaceIds: [] }, (tx) => appendAudit(tx, entries));

const entryOf = (chainId: string, email: string): AuditEntry => ({
  chainId,
  actorId: null,
  action: "member.invited",
  targetType: "user",
  targetId: null,
  details: { email },
});

/** A workspace of the administrator's with the person in it, and a log that names them at its beginning and end. */
async function populate(person: Person): Promise<string> {
  const workspaceId = uuidv7();
  await bed.addWorkspace(workspaceId, bed.admin, "long history");
  await bed.addMember(workspaceId, person, "editor");
  for (let done = 0; done < ENTRIES; done += 2_000) {
    await append(
      Array.from({ length: 2_000 }, (_, n) =>
        entryOf(workspaceId, n === 0 ? person.email : `${n}@elsewhere.invalid`),
      ),
    );
  }
  return workspaceId;
}

const stateOf = async (person: Person) => {
  const [row] = await bed.query<{ steps: number; isDone: boolean }>(
    `select finished_at is not null as "isDone", coalesce((
       select sum(seq) from erasure_places p where p.erasure_id = e.id), 0)::int as steps
     from erasures e where user_id = $1`,
    [person.userId],
  );
  return row ?? { steps: 0, isDone: false };
};

/** Holds the last entry that names the person: an erasure comes to it after most of its steps, and no further. */
async function holdLastEntry(workspaceId: string, email: string): Promise<{ release(): Promise<void> }> {
  const client = new pg.Client({ connectionString: bed.testDatabase.adminUrl });
  await client.connect();
  await client.query("begin");
  await client.query(
    `select from audit_logs where chain_id = $1 and seq = (
       select max(seq) from audit_logs where chain_id = $1 and details->>'email' = $2) for update`,
    [workspaceId, email],
  );
  return {
    async release() {
      await client.query("rollback");
      await client.end();
    },
  };
}

/** Sends the request to an api that is a process of its own, and kills that when the log has been read to a part. */
async function killInTheMiddle(
  person: Person,
  call: { path: string; body: unknown; workspaceId: string },
): Promise<void> {
  const held = await holdLastEntry(call.workspaceId, person.email);
  const api = await platform.start("api");
  const there = createClient(platform.url);
  const { email } = bed.admin;
  const login = await there("POST", "/auth/login", { body: { email, password: PASSWORD } });
  const { accessToken: token } = login.body as { accessToken: string };
  const cut = assert.rejects(
    there("POST", call.path, { token, body: call.body }),
    "answered before the kill",
  );
  const isHalfDone = async () => {
    while ((await stateOf(person)).steps < ENTRIES / 2) await delay(20);
  };
  await Promise.race([isHalfDone(), cut]);
  await api.kill();
  await cut;
  await held.release();
  const { steps, isDone } = await stateOf(person);
  assert.ok(!isDone && steps < ENTRIES, `it was killed in the middle, at ${steps}`);
}

async function finishByScheduler(person: Person): Promise<void> {
  const scheduler = await platform.start("scheduler", { HEALTH_PORT: String(healthPort) });
  const metrics = async () => (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
  let seen = "";
  while (!/^atelier_erasures_pending 1$/m.test(seen)) {
    seen = await metrics();
    await delay(50);
  }
  assert.match(seen, /^atelier_erasures_oldest_seconds (?!0$)\d/m);
  while (!(await stateOf(person)).isDone) await delay(50);
  while (!/^atelier_erasures_pending 0$/m.test(await metrics())) await delay(50);
  assert.match(scheduler.log.join(""), /erasure finished/);
  await scheduler.kill();
}

const naming = (email: string) =>
  bed.query("select action, details from audit_logs where position(lower($1) in lower(details::text)) > 0", [
    email,
  ]);

test("an api killed in the middle of a person's erasure: the scheduler finishes it", PATIENCE, async () => {
  const eve = await bed.api.register("eve@example.com");
  const workspaceId = await populate(eve);
  const body = { confirm: eve.email };
  await killInTheMiddle(eve, { path: `/api/admin/users/${eve.userId}/erase`, body, workspaceId });
  const { email } = eve;
  const login = await bed.api.request("POST", "/auth/login", { body: { email, password: PASSWORD } });
  assert.equal(login.status, 401, "they cannot sign in from the beginning on");
  const enabled = await bed.call(bed.admin, "PATCH", `/api/admin/users/${eve.userId}`, { disabled: false });
  assert.deepEqual([enabled.status, enabled.body.code], [409, "being_erased"]);
  await append([entryOf(workspaceId, email), entryOf(INSTANCE_CHAIN, email.toUpperCase())]);
  await finishByScheduler(eve);
  assert.deepEqual(await naming(email), []);
  assert.deepEqual(await bed.findText(email), []);
  const done = await bed.query<{ actor: string; details: { erasedEntries: number } }>(
    `select actor_id as actor, details from audit_logs where action = 'user.erased' and target_id = $1`,
    [eve.userId],
  );
  assert.equal(done.length, 1);
  assert.equal(done[0]?.actor, bed.admin.userId);
  assert.ok((done[0]?.details.erasedEntries ?? 0) >= ENTRIES / 2_000 + 2);
  assert.deepEqual(await bed.brokenChains(), []);
});

test("an api killed while an owner erases a member: the scheduler finishes it", PATIENCE, async () => {
  const mia = await bed.api.register("mia@example.com");
  const workspaceId = await populate(mia);
  const body = { userId: mia.userId, confirm: mia.email };
  await killInTheMiddle(mia, { path: `/api/workspaces/${workspaceId}/erase`, body, workspaceId });
  await append([entryOf(workspaceId, mia.email), entryOf(INSTANCE_CHAIN, mia.email)]);
  await finishByScheduler(mia);
  const left = await naming(mia.email);
  assert.ok(left.length >= 1, "another chain is not this owner's to empty");
  const here = await bed.query(
    "select 1 from audit_logs where chain_id = $1 and position($2 in details::text) > 0",
    [workspaceId, mia.email],
  );
  assert.deepEqual(here, []);
  const done = await bed.query<{ details: unknown }>(
    "select details from audit_logs where chain_id = $1 and action = 'member.erasure_finished'",
    [workspaceId],
  );
  assert.deepEqual(done, [{ details: { erasedEntries: ENTRIES / 2_000 + 1 } }]);
  assert.deepEqual(await bed.brokenChains(), []);
  assert.equal((await bed.call(mia, "GET", "/auth/me")).status, 200, "she is a person of the instance still");
});
