// The objects that calls are about: one's own, made for the call; another tenant's; or ids of nothing.
import { randomBytes } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { APPROVER_ROLES } from "#core/domain/approval.ts";
import type { ExecutionBed } from "../../support/executions.ts";
import type { Tenant } from "../seed-tenant.ts";

export type Target = {
  workspaceId: string;
  userId: string;
  workflow(): Promise<string>;
  execution(status: "succeeded" | "failed" | "queued"): Promise<string>;
  /** Of everybody who may approve anything, and not the caller's to start. */
  approval(): Promise<string>;
  file(): Promise<string>;
  credential(): Promise<string>;
  /** Of somebody who may run things there, whoever asks. */
  schedule(): Promise<string>;
  webhook(): Promise<string>;
  invitation(): Promise<string>;
  /** Ids of a foreign tenant beside those of its seed. */
  extra?: Readonly<Record<string, string>>;
  /** To the instance, without a workspace. */
  instanceInvitation(): Promise<string>;
  /** The id of somebody who is a member beside the caller, with the address emailOf(id). */
  member(): Promise<string>;
  apiKey(): Promise<string>;
  session(): Promise<string>;
};

/** The address of a member made for a call. */
export const emailOf = (memberId: string) => `${memberId}@member.test`;

export type Insert = (table: string, row: Record<string, unknown>) => Promise<void>;

export function createInsert(admin: ExecutionBed["admin"]): Insert {
  return async (table, row) => {
    const places = Object.keys(row).map((_, index) => `$${index + 1}`);
    const text = `insert into ${table} (${Object.keys(row).join(", ")}) values (${places.join(", ")})`;
    await admin.query(text, Object.values(row));
  };
}

/** Another tenant's things: they are there, and must stay as they are. */
export async function foreignTarget(admin: ExecutionBed["admin"], tenant: Tenant): Promise<Target> {
  const idOf = async (table: string) => {
    const text = `select id from ${table} where workspace_id = $1 order by id limit 1`;
    return (await admin.query(text, [tenant.workspaceId])).rows[0].id as string;
  };
  const [apiKey, invitation] = [await idOf("api_keys"), await idOf("invitations")];
  const { workspaceId, userId, ids } = tenant;
  return {
    workspaceId,
    userId,
    extra: { apiKey, invitation },
    workflow: async () => ids.workflow,
    execution: async () => ids.execution,
    approval: async () => ids.approval,
    file: async () => ids.file,
    credential: async () => ids.credential,
    schedule: async () => ids.schedule,
    webhook: async () => ids.webhook,
    session: async () => ids.session,
    member: async () => userId,
    apiKey: async () => apiKey,
    invitation: async () => invitation,
    // What belongs to the whole instance is nobody else's.
    instanceInvitation: async () => uuidv7(),
  };
}

export function randomTarget(): Target {
  const nothing = async () => uuidv7();
  return {
    workspaceId: uuidv7(),
    userId: uuidv7(),
    workflow: nothing,
    execution: nothing,
    approval: nothing,
    file: nothing,
    credential: nothing,
    schedule: nothing,
    webhook: nothing,
    invitation: nothing,
    instanceInvitation: nothing,
    member: nothing,
    apiKey: nothing,
    session: nothing,
  };
}

/** New rows for every call, so that what one call does is nothing to the next. */
export function ownTarget(bed: ExecutionBed, owner: { workspaceId: string; userId: string }): Target {
  const insert = createInsert(bed.admin);
  const { workspaceId, userId } = owner;
  const within = { workspace_id: workspaceId };
  return {
    ...owner,
    workflow: () => bed.addWorkflow(owner),
    async execution(status) {
      const finished = status === "queued" ? {} : { started_at: new Date(), finished_at: new Date() };
      return bed.addExecution({
        ...within,
        ...finished,
        workflow_id: await bed.addWorkflow(owner),
        user_id: userId,
        status,
      });
    },
    async approval() {
      const [id, execution_id] = [uuidv7(), await bed.addExecution({ ...within, status: "waiting" })];
      const step = { node_id: "ask", node_type: "flow.approval", status: "waiting", seq: 1, fence: 1 };
      await insert("execution_steps", { ...within, ...step, execution_id, state: { approvalId: id } });
      const approvers = APPROVER_ROLES.map((role) => `role:${role}`);
      await insert("approvals", { ...within, id, execution_id, node_id: "ask", approvers, message: "Pay?" });
      return id;
    },
    async file() {
      const id = uuidv7();
      const content = { name: "a.txt", content_type: "text/plain", size: 1, sha256: randomBytes(32) };
      await insert("files", { ...within, ...content, id, owner_id: userId, completed_at: new Date() });
      await insert("file_chunks", { ...within, file_id: id, seq: 0, bytes: Buffer.from("a") });
      return id;
    },
    async credential() {
      const id = uuidv7();
      const sealed = { key_id: SECRETS.keyId, wrapped_key: SECRETS.bytes, ciphertext: SECRETS.bytes };
      const row = {
        ...within,
        ...sealed,
        id,
        owner_id: userId,
        name: id,
        type: "http.bearer",
        allowed_hosts: ["*"],
      };
      await insert("credentials", row);
      return id;
    },
    async schedule() {
      const id = uuidv7();
      // Whoever asks, and whatever they may do: it runs in the name of somebody who may.
      const runner = uuidv7();
      await insert("users", { id: runner, email: emailOf(runner), password_hash: SECRETS.passwordHash });
      await insert("workspace_members", { ...within, user_id: runner, role: "editor" });
      const row = { ...within, id, workflow_id: await bed.addWorkflow(owner), owner_id: runner };
      await insert("schedules", { ...row, cron: "*/30 * * * *", next_run_at: new Date() });
      return id;
    },
    async webhook() {
      const id = uuidv7();
      const sealed = {
        secret_key_id: SECRETS.keyId,
        secret_wrapped_key: SECRETS.bytes,
        secret: SECRETS.bytes,
      };
      await insert("webhooks", {
        ...within,
        ...sealed,
        id,
        workflow_id: await bed.addWorkflow(owner),
        owner_id: userId,
        token_hash: randomBytes(32),
        verify_type: "bearer",
      });
      return id;
    },
    invitation: () => addInvitation(insert, { ...within, role: "viewer", invited_by: userId }),
    instanceInvitation: () => addInvitation(insert, { invited_by: userId }),
    async member() {
      const id = uuidv7();
      await insert("users", { id, email: emailOf(id), password_hash: SECRETS.passwordHash });
      await insert("workspace_members", { ...within, user_id: id, role: "viewer" });
      return id;
    },
    async apiKey() {
      const id = uuidv7();
      const row = { id, user_id: userId, name: "own", key_hash: randomBytes(32), scopes: ["read"] };
      await insert("api_keys", row);
      return id;
    },
    session: () => addSession(insert, userId),
  };
}

async function addInvitation(insert: Insert, of: Record<string, unknown>): Promise<string> {
  const id = uuidv7();
  const until = { expires_at: new Date(Date.now() + 3_600_000) };
  await insert("invitations", {
    ...of,
    ...until,
    id,
    email: `${id}@guest.test`,
    token_hash: randomBytes(32),
  });
  return id;
}

export async function addSession(insert: Insert, userId: string): Promise<string> {
  const id = uuidv7();
  const until = new Date(Date.now() + 3_600_000);
  await insert("sessions", { id, user_id: userId, idle_expires_at: until, expires_at: until });
  return id;
}

/** Put into the rows of everybody and looked for in every answer. */
export const SECRETS = {
  passwordHash: `$argon2id$v=19$m=19456,t=2,p=1$${randomBytes(12).toString("hex")}`,
  keyId: `kek-${randomBytes(6).toString("hex")}`,
  bytes: randomBytes(40),
};
