// Rotation and webhooks: with the old key thrown away, deliveries under both of a webhook's secrets are still verified.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createEnvelope } from "../../core/crypto/envelope.ts";
import { checkKeyCanary } from "../../core/crypto/key-canary.ts";
import { createKeyring } from "../../core/crypto/keyring.ts";
import { createKeyCanaries } from "../../core/persistence/credentials/key-canaries.ts";
import { createDatabase } from "../../core/persistence/database.ts";
import { countKeyUses, rotateKeys } from "../../core/services/credentials/rotate-keys.ts";
import { sign } from "../security/webhooks/hook-bed.ts";
import { startTestApi } from "../support/api.ts";
import { createTestDatabase } from "../support/database.ts";
import { chain, createWorkflow } from "../support/workflows.ts";

const OLD = "0123456789abcdef0123456789abcdef";
const NEW = "fedcba9876543210fedcba9876543210";

test("the secret of a webhook and the one before it are wrapped anew, and open with the new key alone", async (t) => {
  const { databaseUrl } = await createTestDatabase(t);
  const before = await startTestApi(databaseUrl, { environment: { ENCRYPTION_KEYS: `old:${OLD}` } });
  const { token, ...person } = await before.register();
  const workflowId = await createWorkflow(before.request, { token, ...person }, chain());
  const verify = { type: "hmac-sha256" };
  type Made = { id: string; token: string; secret: string };
  const hook = (await before.request<Made>("POST", "/api/webhooks", { token, body: { workflowId, verify } }))
    .body;
  const rotated = await before.request<Made>("POST", `/api/webhooks/${hook.id}/rotate`, { token });
  await before.close();

  const keys = [
    { id: "new", secret: Buffer.from(NEW) },
    { id: "old", secret: Buffer.from(OLD) },
  ];
  const database = createDatabase({ databaseUrl, role: "atelier_rotator", maxConnections: 1 });
  const envelope = createEnvelope({ keyring: createKeyring({ keys }) });
  try {
    await checkKeyCanary(createKeyCanaries(database), envelope);
    assert.deepEqual(await rotateKeys({ database, envelope, keyId: "new" }), { rewrapped: 2, broken: [] });
    assert.deepEqual(await countKeyUses(database), [{ keyId: "new", records: 2 }]);
  } finally {
    await database.close();
  }

  const after = await startTestApi(databaseUrl, { environment: { ENCRYPTION_KEYS: `new:${NEW}` } });
  try {
    for (const secret of [hook.secret, rotated.body.secret]) {
      const headers = { "x-signature": sign(secret, "{}") };
      const reply = await after.request("POST", `/hooks/${hook.token}`, { body: "{}", headers });
      assert.equal(reply.status, 202, reply.text);
    }
  } finally {
    await after.close();
  }
});
