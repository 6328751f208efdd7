// API keys: a person makes them for programs, each with its scopes and its end; the look-up on every request.

import { v7 as uuidv7 } from "uuid";
import { createApiKey, hintOf, isWellFormedApiKey } from "../../crypto/api-keys.ts";
import type { PasswordHasher } from "../../crypto/passwords.ts";
import { hashToken } from "../../crypto/tokens.ts";
import { AppError } from "../../domain/app-error.ts";
import type { IdPage } from "../../domain/id-page.ts";
import { type Actor, authorize, notFound, type Scope } from "../../domain/roles.ts";
import { appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { Database } from "../../persistence/database.ts";
import {
  type ApiKey,
  countLiveApiKeys,
  findKeyActor,
  insertApiKey,
  listApiKeys,
  revokeApiKey,
  useApiKey,
} from "../../persistence/identity/api-keys.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { inNameOf, principalsOf } from "../principals-of.ts";
import type { ActorCache } from "./actor-cache.ts";
import { requireRecentProof } from "./require-recent-proof.ts";

const MAX_LIVE_KEYS = 100;

export type { ApiKey };

export type ApiKeyWish = {
  name: string;
  scopes: readonly Scope[];
  /** The one workspace it shall be good for; all of the person's without. */
  workspaceId?: string | undefined;
  expiresInDays: number;
  /** Needed where the session's last proof of the person is older than an hour. */
  password?: string | undefined;
};

export type ApiKeyService = {
  /**
   * `key` is shown this once. Throws `not_found` for a foreign workspace, `too_many_keys` beyond 100 live ones, and
   * what requireRecentProof throws.
   */
  create(actor: Actor, wish: ApiKeyWish): Promise<ApiKey & { key: string }>;
  list(actor: Actor, page: IdPage): Promise<ApiKey[]>;
  /** A second time is no error. Throws `not_found`. */
  revoke(actor: Actor, id: string): Promise<void>;
  /** The person behind a key, as the key lets them act. Throws `unauthenticated`. */
  authenticate(key: string): Promise<Actor>;
};

export type ApiKeyDependencies = { database: Database; actors: ActorCache; hasher: PasswordHasher };

export function createApiKeyService(dependencies: ApiKeyDependencies): ApiKeyService {
  const { database } = dependencies;
  return {
    create: (actor, wish) => create(dependencies, actor, wish),
    list: (actor, page) =>
      database.transaction(principalsOf(actor), (tx) => listApiKeys(tx, { ...page, userId: actor.userId })),
    revoke: (actor, id) => revoke(dependencies, actor, id),
    authenticate: (key) => authenticate(dependencies, key),
  };
}

async function create(
  { database, hasher }: ApiKeyDependencies,
  actor: Actor,
  wish: ApiKeyWish,
): Promise<ApiKey & { key: string }> {
  const { name, workspaceId = null, expiresInDays, password } = wish;
  if (workspaceId !== null) authorize(actor, "workspace:read", { workspaceId });
  await requireRecentProof({ database, hasher }, actor, password);
  const key = createApiKey();
  const scopes = [...new Set(wish.scopes)];
  const row = { id: uuidv7(), name, workspaceId, scopes, hint: hintOf(key), expiresInDays };
  const made = await database.transaction(principalsOf(actor), async (tx) => {
    if ((await countLiveApiKeys(tx, actor.userId)) >= MAX_LIVE_KEYS) {
      throw new AppError("too_many_keys", `You have ${MAX_LIVE_KEYS} keys that work; revoke some first`);
    }
    const inserted = await insertApiKey(tx, { ...row, userId: actor.userId, keyHash: hashToken(key) });
    const details = { name, scopes, workspaceId, expiresAt: inserted.expiresAt };
    await appendAudit(tx, [{ ...target(actor, inserted), action: "api_key.created", details }]);
    return inserted;
  });
  return { ...made, key };
}

async function revoke({ database }: ApiKeyDependencies, actor: Actor, id: string): Promise<void> {
  await database.transaction(principalsOf(actor), async (tx) => {
    const key = await revokeApiKey(tx, { id, userId: actor.userId });
    if (!key) throw notFound("API key");
    if (!key.revoked) return;
    await announceIdentityChange(tx, [actor.userId]);
    const { name, workspaceId } = key;
    await appendAudit(tx, [
      { ...target(actor, { id, workspaceId }), action: "api_key.revoked", details: { name } },
    ]);
  });
}

/** On the chain of the workspace it is good for, else on the instance's. */
function target(actor: Actor, { id, workspaceId }: Pick<ApiKey, "id" | "workspaceId">) {
  const chainId = workspaceId ?? INSTANCE_CHAIN;
  return { chainId, actorId: actor.userId, targetType: "api_key", targetId: id };
}

async function authenticate({ database, actors }: ApiKeyDependencies, key: string): Promise<Actor> {
  if (!isWellFormedApiKey(key)) throw isOver();
  const hash = hashToken(key);
  const actor = await actors.get(`key ${hash.toString("hex")}`, async () => {
    const used = await useApiKey(database, hash);
    if (!used) throw isOver();
    const found = await database.transaction(inNameOf(used.userId), (tx) => findKeyActor(tx, used));
    if (!found) throw isOver();
    return found;
  });
  // The look-up may be some seconds old; the end of a key does not wait for the next one.
  const { expiresAt } = actor.apiKey ?? {};
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) throw isOver();
  return actor;
}

function isOver(): AppError {
  return new AppError("unauthenticated", "This API key is unknown, expired or revoked");
}
