// The node by itself: what its config may hold, what a crash means for it, and how it asks for its credential.
import assert from "node:assert/strict";
import test from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import { createSqlClient } from "#core/egress/postgres/sql-client.ts";
import { createTestDatabase } from "../../../test/support/database.ts";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";
import { sqlQuery } from "./definition.ts";

const check = (config: unknown) => sqlQuery.config.safeParse(config);

test("a query with {{ is refused and told to use params; other braces are SQL", () => {
  for (const query of ["select '{{ input.name }}'", "select {{", "{{ input.sql }}"]) {
    const checked = check({ query });
    assert.match(checked.error?.issues[0]?.message ?? "accepted", /params/, query);
    assert.deepEqual(checked.error?.issues[0]?.path, ["query"]);
  }
  assert.equal(check({ query: "select '{1,2}'::int[], $1" }).success, true);
});

test("limits have defaults and bounds", () => {
  assert.deepEqual(check({ query: "select 1" }).data, {
    query: "select 1",
    params: [],
    mode: "read",
    maxRows: 1_000,
    timeoutMs: 30_000,
  });
  for (const bad of [
    { maxRows: 10_001 },
    { maxRows: 0 },
    { timeoutMs: 0 },
    { mode: "admin" },
    { url: "postgres://x" },
  ]) {
    assert.equal(check({ query: "select 1", ...bad }).success, false, JSON.stringify(bad));
  }
});

test("a crash in the middle repeats a read and parks a write", () => {
  const effect = sqlQuery.effect;
  assert.ok(typeof effect === "function");
  assert.deepEqual([{}, { mode: "read" }, { mode: "write" }, { mode: "{{ input.mode }}" }].map(effect), [
    "idempotent",
    "idempotent",
    "effectful",
    "effectful",
  ]);
});

test("without a credential nothing is asked; with one the rows come out", async (t) => {
  const run = nodeRunners.get("sql.query");
  assert.ok(run);
  const config = { query: "select $1::int * 2 as twice", params: [21] };
  await assert.rejects(
    async () => run(config, testContext()),
    (error) => error instanceof AppError && error.code === "credential_required" && !error.retryable,
  );
  const database = await createTestDatabase(t);
  const { host } = new URL(database.databaseUrl);
  const asked: unknown[] = [];
  const outcome = await run(
    config,
    testContext({
      ports: { sql: createSqlClient({ allowPrivate: [host], allowPlaintext: [] }) },
      credentials: {
        async use(...given) {
          asked.push(given);
          return { type: "postgres", fields: { url: database.databaseUrl } };
        },
      },
    }),
  );
  assert.deepEqual(outcome, { kind: "output", output: { rows: [{ twice: 42 }], rowCount: 1 } });
  assert.deepEqual(asked, [["postgres"]]);
});
