// What an administrator of the instance does about other people's API keys: see them, and end what a thief may hold.
import type { IdPage } from "../../domain/id-page.ts";
import { type Actor, notFound, requireSessionForOneself } from "../../domain/roles.ts";
import { type AuditEntry, appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import { findKeyOf, listKeysOf, revokeKeysOf } from "../../persistence/identity/admin-api-keys.ts";
import { findUser } from "../../persistence/identity/admin-users.ts";
import type { ApiKey } from "../../persistence/identity/api-keys.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { principalsIn } from "../principals-of.ts";

export type AdminApiKeyService = ReturnType<typeof createAdminApiKeyService>;

/** Routes let administrators in only; the database asks again. Unknown people and keys are `not_found`. */
export function createAdminApiKeyService({ database }: { database: Database }) {
  const speak = <Result>(actor: Actor, userId: string, work: (tx: Executor) => Promise<Result>) => {
    requireSessionForOneself(actor, userId);
    return database.transaction(principalsIn(actor, []), async (tx) => {
      if (!(await findUser(tx, userId))) throw notFound("user");
      return work(tx);
    });
  };
  return {
    list: (actor: Actor, userId: string, page: IdPage): Promise<ApiKey[]> =>
      speak(actor, userId, (tx) => listKeysOf(tx, userId, page)),
    /** A second time is no error. */
    revoke: (actor: Actor, userId: string, id: string): Promise<void> =>
      speak(actor, userId, async (tx) => {
        const key = await findKeyOf(tx, userId, id);
        if (!key) throw notFound("API key");
        const revoked = await revokeKeysOf(tx, userId, id);
        if (revoked.length === 0) return;
        const { name, workspaceId } = key;
        await announceIdentityChange(tx, [userId]);
        await appendAudit(tx, [
          entry(actor, "api_key", id, "api_key.revoked", { name, workspaceId, userId }),
        ]);
      }),
    /** Returns how many worked until now. */
    revokeAll: (actor: Actor, userId: string): Promise<number> =>
      speak(actor, userId, async (tx) => {
        const apiKeys = await revokeKeysOf(tx, userId, null);
        await announceIdentityChange(tx, [userId]);
        await appendAudit(tx, [entry(actor, "user", userId, "user.api_keys_revoked", { apiKeys })]);
        return apiKeys.length;
      }),
  };
}

function entry(
  actor: Actor,
  targetType: string,
  targetId: string,
  action: string,
  details: unknown,
): AuditEntry {
  return { chainId: INSTANCE_CHAIN, actorId: actor.userId, action, targetType, targetId, details };
}
