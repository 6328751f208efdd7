// The api, one tenant that is nobody's, and as many people as there are cells, all without a single password.

import path from "node:path";
import { v7 as uuidv7 } from "uuid";
import { createAccessTokens } from "#core/crypto/access-tokens.ts";
import { createApiKey } from "#core/crypto/api-keys.ts";
import { hashToken } from "#core/crypto/tokens.ts";
import { buildStudio } from "../../../scripts/start/build-studio.ts";
import { ROOT } from "../../architecture/source-tree.ts";
import { startTestApi, type TestApi } from "../../support/api.ts";
import { createExecutionBed, type ExecutionBed } from "../../support/executions.ts";
import { seedTenant, type Tenant } from "../seed-tenant.ts";
import type { Persona } from "./personas.ts";
import { addSession, createInsert, foreignTarget, type Insert, SECRETS, type Target } from "./targets.ts";

export type World = {
  api: TestApi;
  bed: ExecutionBed;
  tenant: Tenant;
  foreign: Target;
  /** The owner of every workspace that personas belong to. */
  boss: { userId: string; email: string };
  insert: Insert;
  close(): Promise<void>;
};

/** One person of the persona's kind: `workspaceId` is where their objects are, `homeId` the one they own. */
export type Visitor = {
  userId: string;
  email: string;
  workspaceId: string;
  homeId: string;
  token: string | undefined;
};

export const WORKSPACE_NAME = "work";

const accessTokens = createAccessTokens({
  // What test/support/api.ts gives the api, and the address it makes of port 0.
  secrets: [{ id: "test", secret: Buffer.from("0123456789abcdef0123456789abcdef") }],
  issuer: "http://127.0.0.1:0",
});

export async function openWorld(): Promise<World> {
  const bed = await createExecutionBed();
  const insert = createInsert(bed.admin);
  const client = await bed.admin.connect();
  const tenant = await seedTenant(client, "foreign").finally(() => client.release());
  const foreign = await foreignTarget(bed.admin, tenant);
  const boss = { userId: uuidv7(), email: `${uuidv7()}@people.test` };
  await insert("users", { id: boss.userId, email: boss.email, password_hash: SECRETS.passwordHash });
  // With its pages, whether or not somebody has built them before.
  await buildStudio({ root: path.resolve(ROOT), log: (line) => process.stderr.write(`${line}\n`) });
  const api = await startTestApi(bed.databaseUrl);
  return {
    api,
    bed,
    tenant,
    foreign,
    boss,
    insert,
    async close() {
      await api.close();
      await bed.close();
    },
  };
}

export async function addVisitor({ bed, insert, boss }: World, persona: Persona): Promise<Visitor> {
  const [userId, workspaceId, homeId] = [uuidv7(), uuidv7(), uuidv7()];
  const email = `${userId}@people.test`;
  // One statement: there are thousands of visitors.
  await bed.admin.query(
    `with person as (
       insert into users (id, email, password_hash, is_admin) values ($1, $2, $3, $4)),
     places as (
       insert into workspaces (id, name, personal, created_by, require_totp)
       values ($5, 'home', true, $1, false), ($6, $7, false, $8, $9))
     insert into workspace_members (workspace_id, user_id, role, expires_at, emergency_reason)
     select * from (values ($5::uuid, $1::uuid, 'owner', null::timestamptz, null), ($6, $8, 'owner', null, null),
       ($6, $1, $10, case when $11::boolean then now() - interval '1 second' end, $12)) as m (place, who, role, ends, reason)
     where role is not null`,
    [
      ...[userId, email, SECRETS.passwordHash, persona.isAdmin ?? false],
      ...[homeId, workspaceId, WORKSPACE_NAME, boss.userId, persona.needsTotp ?? false],
      ...[persona.role ?? persona.was?.role ?? null, persona.was !== undefined],
      persona.was?.emergency ? "The ward is locked out" : null,
    ],
  );
  return { userId, email, workspaceId, homeId, token: await signIn(insert, persona, { userId, homeId }) };
}

async function signIn(
  insert: Insert,
  { by }: Persona,
  { userId, homeId }: { userId: string; homeId: string },
) {
  if (by === "nothing") return undefined;
  if (by === "session") {
    return accessTokens.sign({ userId, sessionId: await addSession(insert, userId) }).token;
  }
  const key = createApiKey();
  await insert("api_keys", {
    id: uuidv7(),
    user_id: userId,
    workspace_id: by.elsewhere ? homeId : null,
    name: "matrix",
    key_hash: hashToken(key),
    scopes: by.scopes,
  });
  return key;
}
