// Worker and scheduler as processes, asked at HEALTH_PORT as a container engine would.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createTestDatabase } from "../support/database.ts";
import { findFreePort } from "../support/free-port.ts";
import { createPlatform } from "../support/platform.ts";
import { asAdmin } from "../support/query.ts";

for (const role of ["worker", "scheduler"] as const) {
  test(`a ${role} says when it can work, and when it no longer can`, async (t) => {
    const database = await createTestDatabase(t);
    const platform = await createPlatform({ DATABASE_URL: database.databaseUrl });
    t.after(() => platform.close());
    const port = await findFreePort();
    const { log, kill } = await platform.start(role, { HEALTH_PORT: String(port) });
    const statusOf = (path: string) => fetch(`http://127.0.0.1:${port}${path}`).then(({ status }) => status);
    const until = async (path: string, wanted: number) => {
      for (let tries = 0; (await statusOf(path)) !== wanted; tries += 1) {
        assert.ok(tries < 300, `${path} never answered ${wanted}:\n${log.join("")}`);
        await delay(100);
      }
    };
    assert.equal(await statusOf("/healthz"), 200);
    await until("/readyz", 200);
    assert.equal(await statusOf("/metrics"), 200);

    // Nobody may connect any more, and who is connected is thrown out.
    const name = new URL(database.adminUrl).pathname.slice(1);
    const postgres = { adminUrl: database.adminUrl.replace(/\/[^/]*$/, "/postgres") };
    await asAdmin(postgres, `alter database ${name} allow_connections false`);
    await asAdmin(postgres, "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
      name,
    ]);
    await until("/readyz", 503);
    assert.equal(await statusOf("/healthz"), 200, "it lives, and must not be restarted for that");

    await asAdmin(postgres, `alter database ${name} allow_connections true`);
    await until("/readyz", 200);
    assert.equal(await kill("SIGTERM"), 0, log.join(""));
  });
}
