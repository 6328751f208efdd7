// API keys below HTTP: who the look-up says they are, what it costs, and how many there may be.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import { createApiKey } from "../../crypto/api-keys.ts";
import { createPasswordHasher } from "../../crypto/passwords.ts";
import { AppError } from "../../domain/app-error.ts";
import { type Actor, authorize, type Scope, workspacesFor } from "../../domain/roles.ts";
import { createDatabase, type Database } from "../../persistence/database.ts";
import { createActorCache } from "./actor-cache.ts";
import { type ApiKeyService, createApiKeyService } from "./api-keys.ts";

const hasher = createPasswordHasher({ memoryKib: 19_456, niceness: 0 });
let bed: ExecutionBed;
let database: Database;
let keys: ApiKeyService;

before(async () => {
  bed = await createExecutionBed();
  database = bed.open("atelier_api");
  keys = createApiKeyService({ database, hasher, actors: createActorCache({ maxAgeMs: 0 }) });
});
after(() => bed?.close());

async function make(actor: Actor, scopes: Scope[] = ["read"], workspaceId?: string) {
  // Signed in a moment ago.
  await bed.admin.query(
    `insert into sessions (id, user_id, idle_expires_at, expires_at) values ($1, $2, now() + '1 h', now() + '1 h')
     on conflict (id) do nothing`,
    [actor.sessionId, actor.userId],
  );
  return await keys.create(actor, { name: "ci", scopes, workspaceId, expiresInDays: 1 });
}
const coded = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

test("a key of an administrator administers with the scope admin and without a workspace only", async () => {
  const root = await bed.addPerson();
  await bed.admin.query("update users set is_admin = true where id = $1", [root.userId]);
  const asked: Array<[Scope[], string | undefined]> = [
    [["admin"], undefined],
    [["read", "run", "write"], undefined],
    [["admin"], root.workspaceId],
  ];
  const seen = [];
  for (const [scopes, workspaceId] of asked) {
    const { key } = await make(root, scopes, workspaceId);
    seen.push((await keys.authenticate(key)).isAdmin);
  }
  assert.deepEqual(seen, [true, false, false]);
});

test("a key has its person's memberships as they are now, and the second factor they lack", async () => {
  const ada = await bed.addPerson();
  const { key, id } = await make(ada, ["read"]);
  const before = await keys.authenticate(key);
  assert.equal(before.sessionId, null);
  assert.deepEqual([before.apiKey?.id, before.apiKey?.scopes], [id, ["read"]]);
  assert.deepEqual(before.memberships, [{ workspaceId: ada.workspaceId, role: "owner" }]);
  await bed.admin.query("update workspaces set require_totp = true where id = $1", [ada.workspaceId]);
  const actor = await keys.authenticate(key);
  assert.throws(() => authorize(actor, "workflow:read", ada), coded("totp_setup_required"));
  assert.deepEqual(workspacesFor(actor, "workflow:read"), []);
  await bed.admin.query("delete from workspace_members where user_id = $1", [ada.userId]);
  assert.deepEqual((await keys.authenticate(key)).memberships, []);
});

test("A22: a key for one workspace is worth nothing once its person has left it", async () => {
  const ada = await bed.addPerson();
  const bob = await bed.addPerson("viewer", ada.workspaceId);
  const { key } = await make(bob, ["read"], ada.workspaceId);
  await bed.admin.query("delete from workspace_members where user_id = $1", [bob.userId]);
  const actor = await keys.authenticate(key);
  assert.throws(() => authorize(actor, "workflow:read", ada), coded("not_found"));
});

test("the last use is noted at most once a minute", async () => {
  const ada = await bed.addPerson();
  const { key, id } = await make(ada);
  const lastUse = async () =>
    (await bed.admin.query("select last_used_at::text as at, xmin from api_keys where id = $1", [id]))
      .rows[0];
  assert.equal((await lastUse()).at, null);
  await keys.authenticate(key);
  const first = await lastUse();
  assert.ok(first.at);
  await keys.authenticate(key);
  assert.deepEqual(await lastUse(), first);
  await bed.admin.query("update api_keys set last_used_at = now() - interval '61 seconds' where id = $1", [
    id,
  ]);
  const older = await lastUse();
  await keys.authenticate(key);
  assert.ok((await lastUse()).at > older.at);
});

test("a mistyped key costs no look-up", async () => {
  const closed = createDatabase({ databaseUrl: bed.databaseUrl, role: "atelier_api" });
  await closed.close();
  const offline = createApiKeyService({ database: closed, hasher, actors: createActorCache() });
  const key = createApiKey();
  await assert.rejects(offline.authenticate(`${key}0`), coded("unauthenticated"));
  await assert.rejects(offline.authenticate(key), (error) => !coded("unauthenticated")(error));
});

test("nobody has more than 100 keys that work, however many are asked for at once", async () => {
  const ada = await bed.addPerson();
  await bed.admin.query(
    `insert into api_keys (id, user_id, name, key_hash, scopes, revoked_at)
     select gen_random_uuid(), $1, 'old', sha256(n::text::bytea), '{read}', case when n <= 5 then now() end
     from generate_series(1, 103) n`,
    [ada.userId],
  );
  const made = await Promise.allSettled(Array.from({ length: 6 }, () => make(ada)));
  const outcomes = made.map((one) => (one.status === "fulfilled" ? "made" : one.reason.code));
  assert.deepEqual(outcomes.toSorted(), [...Array(2).fill("made"), ...Array(4).fill("too_many_keys")]);
});
