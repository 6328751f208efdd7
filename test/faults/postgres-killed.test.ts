// F10: PostgreSQL killed with -9 under running executions, and started again on the same data.
import assert from "node:assert/strict";
import { test } from "node:test";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { startEmbeddedPostgres } from "../../scripts/embedded-postgres/start-embedded-postgres.ts";
import { createClient, registerPerson } from "../support/client.ts";
import { startHttpSink } from "../support/http-sink.ts";
import { createPlatform } from "../support/platform.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { chain, createWorkflow, submit, untilEnded } from "../support/workflows.ts";

const RUNS = 20;

test("F10 PostgreSQL killed twice: every accepted run ends, every effect has one key, the roles live on", async (t) => {
  const dataDir = temporaryFolder(t);
  const start = () => startEmbeddedPostgres({ dataDir, log: () => {} });
  let postgres = await start();
  t.after(() => postgres.stop());
  await migrateDatabase({ databaseUrl: postgres.databaseUrl });
  const sink = await startHttpSink();
  t.after(() => sink.close());
  const platform = await createPlatform({
    DATABASE_URL: postgres.databaseUrl,
    ALLOW_PRIVATE_EGRESS: sink.address,
  });
  t.after(() => platform.close());
  await Promise.all([platform.start("api"), platform.start("worker"), platform.start("scheduler")]);
  const request = createClient(platform.url);
  const ada = await registerPerson(request);

  const effect = (name: string) => ({
    id: name,
    type: "http.request",
    config: { method: "POST", url: `{{ '${sink.url}/slow/400/${name}/' & input.n }}` },
  });
  const workflow = await createWorkflow(
    request,
    ada,
    chain(effect("a"), effect("b"), effect("c"), effect("d")),
  );
  const ids: string[] = [];
  for (let n = 0; n < RUNS; n++) ids.push(await submit(request, ada, workflow, { input: { n } }));

  for (const path of ["/slow/400/a/3", "/slow/400/c/3"]) {
    await sink.arrival(path);
    const url = postgres.databaseUrl;
    process.kill(postgres.pid, "SIGKILL");
    postgres = await start();
    assert.equal(postgres.databaseUrl, url, "the roles know it by this address");
  }
  for (const id of ids) {
    const ended = await untilEnded(request, ada, id);
    assert.equal(ended.status, "succeeded", JSON.stringify(ended));
  }
  const keysByPath = new Map<string, Set<string>>();
  for (const { path, key } of sink.requests)
    keysByPath.set(path, (keysByPath.get(path) ?? new Set()).add(key));
  assert.equal(keysByPath.size, RUNS * 4);
  for (const [path, keys] of keysByPath) assert.equal(keys.size, 1, `${path} went out under one key`);
  assert.equal(platform.processes().length, 3, "no role died of it");
  t.diagnostic(`${sink.requests.length - RUNS * 4} effects of ${RUNS * 4} went out again`);
});
