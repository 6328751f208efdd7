import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { createTestDatabase } from "../../../test/support/database.ts";
import { createEnvelope } from "../../crypto/envelope.ts";
import { checkKeyCanary } from "../../crypto/key-canary.ts";
import { createKeyring, type NamedKey } from "../../crypto/keyring.ts";
import { createDatabase, type RuntimeRole } from "../database.ts";
import { createKeyCanaries } from "./key-canaries.ts";

test("every role accepts the keys the database knows, and refuses others under a known id", async (t) => {
  const { databaseUrl } = await createTestDatabase(t);
  const check = async (role: RuntimeRole, ...keys: NamedKey[]) => {
    const db = createDatabase({ databaseUrl, role, maxConnections: 1 });
    const envelope = createEnvelope({ keyring: createKeyring({ keys }) });
    await checkKeyCanary(createKeyCanaries(db), envelope).finally(() => db.close());
  };
  const key = (id: string): NamedKey => ({ id, secret: randomBytes(32) });
  const [first, second] = [key("k1"), key("k2")];
  await check("atelier_api", first);
  await check("atelier_worker", first);
  await assert.rejects(check("atelier_worker", key("k1")), {
    code: "wrong_encryption_key",
    message: /"k1".*entry k1:<secret>.*keys\.json/,
  });
  await check("atelier_scheduler", second, first);
  await check("atelier_api", first, second);
  await assert.rejects(check("atelier_api", key("k2"), first), { code: "wrong_encryption_key" });
  // Another's keys under a new id look like a rotation, but for the old ones that are missing or are others.
  for (const strangers of [[key("k9")], [key("k9"), key("k1")]]) {
    await assert.rejects(check("atelier_worker", ...strangers), {
      code: "wrong_encryption_key",
      message: /\(k1, k2\).*keys\.json/,
    });
  }
  await check("atelier_worker", key("k9"), second);
});
