// Rotation and second factors: with the old key thrown away everybody still signs in with the app they have.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createEnvelope } from "../../core/crypto/envelope.ts";
import { checkKeyCanary } from "../../core/crypto/key-canary.ts";
import { createKeyring } from "../../core/crypto/keyring.ts";
import { createKeyCanaries } from "../../core/persistence/credentials/key-canaries.ts";
import { createDatabase } from "../../core/persistence/database.ts";
import { countKeyUses, rotateKeys } from "../../core/services/credentials/rotate-keys.ts";
import { startTestApi } from "../support/api.ts";
import { PASSWORD } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { codeOf, enableSecondFactor } from "../support/second-factor.ts";

const OLD = "0123456789abcdef0123456789abcdef";
const NEW = "fedcba9876543210fedcba9876543210";

test("a second factor is wrapped anew, and opens with the new key alone", async (t) => {
  const { databaseUrl } = await createTestDatabase(t);
  const before = await startTestApi(databaseUrl, { environment: { ENCRYPTION_KEYS: `old:${OLD}` } });
  const person = await before.register();
  const { secret } = await enableSecondFactor(before.request, person);
  await before.register();
  await before.close();

  const keys = [
    { id: "new", secret: Buffer.from(NEW) },
    { id: "old", secret: Buffer.from(OLD) },
  ];
  const database = createDatabase({ databaseUrl, role: "atelier_rotator", maxConnections: 1 });
  const envelope = createEnvelope({ keyring: createKeyring({ keys }) });
  try {
    // As the command does: the database knows the new key before anything is under it.
    await checkKeyCanary(createKeyCanaries(database), envelope);
    const report = await rotateKeys({ database, envelope, keyId: "new" });
    assert.deepEqual(report, { rewrapped: 1, broken: [] });
    assert.deepEqual(await countKeyUses(database), [{ keyId: "new", records: 1 }]);
  } finally {
    await database.close();
  }

  const after = await startTestApi(databaseUrl, { environment: { ENCRYPTION_KEYS: `new:${NEW}` } });
  try {
    const body = { email: person.email, password: PASSWORD, totp: codeOf(secret) };
    assert.equal((await after.request("POST", "/auth/login", { body })).status, 200);
  } finally {
    await after.close();
  }
});
