// One person with a row in every tenant table, written by the superuser, whom no policy binds.
import { randomBytes } from "node:crypto";
import type pg from "pg";
import { v7 as uuidv7 } from "uuid";

export type Tenant = {
  userId: string;
  workspaceId: string;
  ids: Record<
    "session" | "workflow" | "execution" | "approval" | "file" | "credential" | "schedule" | "webhook",
    string
  >;
};

export async function seedTenant(admin: pg.Client, name: string): Promise<Tenant> {
  const tenant: Tenant = {
    userId: uuidv7(),
    workspaceId: uuidv7(),
    ids: {
      ...{ session: uuidv7(), workflow: uuidv7(), execution: uuidv7() },
      ...{ approval: uuidv7(), file: uuidv7(), credential: uuidv7() },
      schedule: uuidv7(),
      webhook: uuidv7(),
    },
  };
  await admin.query("begin");
  await seedPerson(admin, tenant, name);
  await seedWork(admin, tenant);
  await seedTriggers(admin, tenant);
  await seedSecrets(admin, tenant);
  await admin.query("commit");
  return tenant;
}

/** `insert into table` with the given columns. */
async function insert(admin: pg.Client, table: string, row: Record<string, unknown>): Promise<void> {
  const places = Object.keys(row).map((_, index) => `$${index + 1}`);
  const columns = Object.keys(row).join(", ");
  await admin.query(`insert into ${table} (${columns}) values (${places.join(", ")})`, Object.values(row));
}

async function seedPerson(admin: pg.Client, { userId, workspaceId, ids }: Tenant, name: string) {
  const until = new Date(Date.now() + 3_600_000);
  await insert(admin, "users", { id: userId, email: `${name}@example.com`, name, password_hash: "-" });
  const session = { id: ids.session, user_id: userId, idle_expires_at: until, expires_at: until };
  await insert(admin, "sessions", session);
  await insert(admin, "refresh_tokens", { token_hash: randomBytes(32), session_id: ids.session });
  await insert(admin, "workspaces", { id: workspaceId, name, personal: true, created_by: userId });
  await insert(admin, "workspace_members", { workspace_id: workspaceId, user_id: userId, role: "owner" });
  await insert(admin, "api_keys", {
    id: uuidv7(),
    user_id: userId,
    workspace_id: workspaceId,
    name,
    key_hash: randomBytes(32),
    scopes: ["read"],
  });
  await insert(admin, "invitations", {
    id: uuidv7(),
    workspace_id: workspaceId,
    email: "guest@example.com",
    role: "viewer",
    token_hash: randomBytes(32),
    invited_by: userId,
    expires_at: until,
  });
}

/** Of somebody who has left: kept until the log says so. */
const leaver = { role: "viewer", expired_at: new Date(), is_emergency: false };

async function seedWork(admin: pg.Client, { userId, workspaceId, ids }: Tenant) {
  const own = { workspace_id: workspaceId };
  await insert(admin, "ended_memberships", { ...own, ...leaver, user_id: userId });
  await insert(admin, "workflows", { ...own, id: ids.workflow, owner_id: userId, name: "flow" });
  await insert(admin, "workflow_versions", {
    ...own,
    workflow_id: ids.workflow,
    version: 1,
    content_hash: randomBytes(32),
    graph: "{}",
    created_by: userId,
  });
  const execution = {
    ...own,
    workflow_id: ids.workflow,
    version: 1,
    user_id: userId,
    root_id: ids.execution,
  };
  await insert(admin, "workflow_executions", { ...execution, id: ids.execution, status: "succeeded" });
  await insert(admin, "workflow_executions", { ...execution, id: uuidv7(), status: "queued" });
  const step = { execution_id: ids.execution, node_id: "start", node_type: "trigger.manual" };
  await insert(admin, "execution_steps", { ...own, ...step, status: "succeeded", seq: 1, fence: 1 });
  const key = { user_id: userId, key: "once", request_hash: randomBytes(32), execution_id: ids.execution };
  await insert(admin, "execution_keys", { ...own, ...key });
  await insert(admin, "retention_passes", { ...own, part: "executions" });
  await insert(admin, "approvals", { ...own, id: ids.approval, execution_id: ids.execution, node_id: "ask" });
}

async function seedTriggers(admin: pg.Client, { userId, workspaceId, ids }: Tenant) {
  const own = { workspace_id: workspaceId };
  const trigger = { ...own, workflow_id: ids.workflow, owner_id: userId };
  const scheduleId = ids.schedule;
  await insert(admin, "schedules", { ...trigger, id: scheduleId, cron: "0 * * * *" });
  const of = { ...own, schedule_id: scheduleId };
  await insert(admin, "schedule_fires", { ...of, id: uuidv7(), scheduled_for: new Date(), outcome: "fired" });
  const slots = { first_slot: new Date(), last_slot: new Date(), slots: 1 };
  await insert(admin, "schedule_skips", { ...of, ...slots, id: uuidv7(), reason: "missed" });
  const hook = { id: ids.webhook, token_hash: randomBytes(32), verify_type: "none" };
  await insert(admin, "webhooks", { ...trigger, ...hook });
  await insert(admin, "webhook_deliveries", { ...own, webhook_id: ids.webhook, delivery_id: "1" });
}

async function seedSecrets(admin: pg.Client, { userId, workspaceId, ids }: Tenant) {
  const own = { workspace_id: workspaceId };
  await insert(admin, "credentials", {
    ...own,
    id: ids.credential,
    owner_id: userId,
    name: "key",
    type: "http.bearer",
    key_id: "k1",
    wrapped_key: randomBytes(40),
    ciphertext: randomBytes(40),
  });
  const file = { id: ids.file, owner_id: userId, name: "a.txt", content_type: "text/plain" };
  await insert(admin, "files", { ...own, ...file });
  await insert(admin, "file_chunks", { ...own, file_id: ids.file, seq: 0, bytes: randomBytes(10) });
  await insert(admin, "audit_logs", {
    chain_id: workspaceId,
    seq: 1,
    id: uuidv7(),
    at: new Date(),
    actor_id: userId,
    action: "workflow.created",
    target_type: "workflow",
    target_id: ids.workflow,
    canonical: randomBytes(8),
    previous_hash: randomBytes(32),
    hash: randomBytes(32),
  });
}
