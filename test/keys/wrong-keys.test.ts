// The canary of the encryption keys: no role starts with another secret under a known id.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestDatabase } from "../support/database.ts";
import { createPlatform, type RoleName } from "../support/platform.ts";

const OTHER = "fedcba9876543210fedcba9876543210";

test("every role refuses to start with other keys than the database has known, and says what to do", async (t) => {
  const database = await createTestDatabase(t);
  const platform = await createPlatform({ DATABASE_URL: database.databaseUrl });
  t.after(() => platform.close());
  const api = await platform.start("api");
  await api.kill("SIGTERM");
  for (const role of ["api", "worker", "scheduler"] as const satisfies readonly RoleName[]) {
    await assert.rejects(
      platform.start(role, { ENCRYPTION_KEYS: `test:${OTHER}` }),
      (error: Error) => {
        assert.match(
          error.message,
          /encrypted with another secret under the key id .*test.*Set ENCRYPTION_KEYS/s,
          role,
        );
        assert.ok(!error.message.includes(OTHER), `${role} told its secret`);
        return true;
      },
      role,
    );
  }
});
