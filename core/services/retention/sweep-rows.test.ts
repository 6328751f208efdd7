// What is swept is what nobody can use any more, by its own age; what still counts stays, and so does what is held.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, type Row } from "../../../test/support/executions.ts";
import { sweepExpired } from "./sweep-rows.ts";

const DAY = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY);

let bed: ExecutionBed;
before(async () => {
  bed = await createExecutionBed();
});
after(() => bed?.close());

async function insert(table: string, row: Row): Promise<void> {
  const places = Object.keys(row).map((_, index) => `$${index + 1}`);
  const text = `insert into ${table} (${Object.keys(row).join(", ")}) values (${places.join(", ")})`;
  await bed.admin.query(text, Object.values(row));
}

async function countAll(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of TABLES)
    counts[table] = (await bed.admin.query(`select count(*)::int n from ${table}`)).rows[0].n;
  return counts;
}

const TABLES = [
  ...["sessions", "refresh_tokens", "api_keys", "reset_tokens", "execution_keys", "webhook_deliveries"],
  ...["schedule_fires", "schedule_skips", "rate_limits", "files", "file_chunks"],
];

test("one old and one young row of each kind: the old ones go, with what hangs on them", async () => {
  const { userId, workspaceId } = await bed.addPerson();
  const young = await bed.addPerson();
  const workflowId = await bed.addWorkflow({ userId, workspaceId });
  const own = { workspace_id: workspaceId };
  const trigger = { ...own, workflow_id: workflowId, owner_id: userId };
  const [scheduleId, webhookId] = [uuidv7(), uuidv7()];
  await insert("schedules", { ...trigger, id: scheduleId, cron: "0 * * * *" });
  await insert("webhooks", { ...trigger, id: webhookId, token_hash: randomBytes(32), verify_type: "none" });
  for (const isOld of [true, false]) {
    const session = {
      id: uuidv7(),
      user_id: userId,
      idle_expires_at: ago(isOld ? 31 : 29),
      expires_at: ago(-9),
    };
    await insert("sessions", session);
    await insert("refresh_tokens", {
      token_hash: randomBytes(32),
      session_id: session.id,
      rotated_at: ago(99),
    });
    const key = { id: uuidv7(), user_id: userId, name: "k", key_hash: randomBytes(32), scopes: ["read"] };
    await insert("api_keys", { ...key, expires_at: ago(isOld ? 91 : 89) });
    const person = isOld ? userId : young.userId;
    const reset = { user_id: person, token_hash: randomBytes(32), expires_at: ago(isOld ? 1.1 : 0.9) };
    await insert("reset_tokens", reset);
    const used = { ...own, user_id: userId, key: String(isOld), request_hash: "", execution_id: uuidv7() };
    await insert("execution_keys", { ...used, created_at: ago(isOld ? 7.1 : 6.9) });
    const delivery = { ...own, webhook_id: webhookId, delivery_id: String(isOld) };
    await insert("webhook_deliveries", { ...delivery, received_at: ago(isOld ? 31 : 29) });
    const id = uuidv7({ msecs: ago(isOld ? 401 : 399).getTime() });
    const slot = { ...own, schedule_id: scheduleId, id };
    await insert("schedule_fires", { ...slot, scheduled_for: ago(isOld ? 401 : 399), outcome: "fired" });
    await insert("schedule_skips", { ...slot, first_slot: ago(401), last_slot: ago(401), reason: "missed" });
    await insert("rate_limits", { key: String(isOld), points: 1, expire: ago(isOld ? 1.1 : 0.9).getTime() });
    const file = { ...own, id: uuidv7(), owner_id: userId, name: "a", content_type: "text/plain" };
    await insert("files", { ...file, created_at: ago(isOld ? 1.1 : 0.9) });
    await insert("file_chunks", { ...own, file_id: file.id, seq: 0, bytes: "" });
  }
  // Neither too old to go: a key without an end, a slot that is still to fire, a finished upload.
  const forever = { id: uuidv7(), user_id: userId, name: "k", key_hash: randomBytes(32), scopes: ["read"] };
  await insert("api_keys", { ...forever, created_at: ago(900) });
  const pending = { ...own, schedule_id: scheduleId, id: uuidv7({ msecs: ago(500).getTime() }) };
  await insert("schedule_fires", { ...pending, scheduled_for: ago(500), outcome: "pending" });
  // An api of the release before has deleted its schedule where neither key nor trigger took it along.
  const lost = { ...own, schedule_id: uuidv7(), id: uuidv7(), scheduled_for: ago(1), outcome: "pending" };
  await insert("schedule_fires", lost);
  const upload = { ...own, id: uuidv7(), owner_id: userId, name: "a", content_type: "text/plain" };
  await insert("files", { ...upload, created_at: ago(900), completed_at: ago(900) });

  await bed.admin.query(
    "update workspaces set legal_hold_at = now(), legal_hold_reason = 'a court' where id = $1",
    [workspaceId],
  );
  const scheduler = bed.open("atelier_scheduler", 1);
  const held = await sweepExpired(scheduler, { batch: 1 });
  assert.deepEqual(held, {
    ...{ sessions: 1, apiKeys: 1, resetTokens: 1, executionKeys: 1, webhookDeliveries: 1, rateLimits: 1 },
  });
  await bed.admin.query("update workspaces set legal_hold_at = null, legal_hold_reason = null");
  const lifted = await sweepExpired(scheduler, { batch: 1 });
  assert.deepEqual(lifted, { scheduleFires: 1, lostFires: 1, scheduleSkips: 1, brokenUploads: 1 });
  assert.deepEqual(await countAll(), {
    ...{
      sessions: 1,
      refresh_tokens: 1,
      api_keys: 2,
      reset_tokens: 1,
      execution_keys: 1,
      webhook_deliveries: 1,
    },
    ...{ schedule_fires: 2, schedule_skips: 1, rate_limits: 1, files: 2, file_chunks: 1 },
  });
  assert.deepEqual(await sweepExpired(scheduler), {});
  await bed.admin.query("delete from schedules where id = $1", [scheduleId]);
  const left = await bed.admin.query("select outcome from schedule_fires");
  assert.deepEqual(
    left.rows,
    [{ outcome: "fired" }],
    "what waited went with its schedule, its history did not",
  );
});
