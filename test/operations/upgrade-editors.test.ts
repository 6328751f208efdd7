// Migration 0058 on what the release before has: who has changed schedules and webhooks is found in the audit log.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { listMigrations, migrateDatabase } from "../../migrations/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { createEmptyDatabase } from "./backup-commands.ts";

let near: TestDatabase;
before(async () => {
  near = await createTestDatabase();
});
after(() => near?.drop());

test("editors of before are known, whoever only named or paused is none", async (t) => {
  const database = await createEmptyDatabase(near, t);
  const names = await listMigrations();
  const upTo = names[names.indexOf("0058_edited_by") - 1];
  await migrateDatabase({ databaseUrl: database.databaseUrl, restoring: { upTo } });
  const run = (text: string, values: unknown[] = []) =>
    asAdmin<Record<string, unknown>>(database, text, values);
  const [workspace, elsewhere] = [uuidv7(), uuidv7()];
  const [owner, founder, first, second, namer, pauser, emptied] = Array.from({ length: 7 }, () => uuidv7());
  await run("insert into users (id, email, name, password_hash) values ($1, $2, 'O', 'x')", [
    owner,
    `${owner}@o`,
  ]);
  await run("insert into workspaces (id, name, created_by) values ($1, 'W', $2)", [workspace, owner]);
  const [workflow, schedule, plain, hook] = Array.from({ length: 4 }, () => uuidv7());
  await run("insert into workflows (id, workspace_id, owner_id, name, version) values ($1, $2, $3, 'F', 1)", [
    workflow,
    workspace,
    owner,
  ]);
  for (const id of [schedule, plain]) {
    await run(
      "insert into schedules (id, workspace_id, workflow_id, owner_id, cron) values ($1, $2, $3, $4, '0 0 1 1 *')",
      [id, workspace, workflow, owner],
    );
  }
  await run(
    `insert into webhooks (id, workspace_id, workflow_id, owner_id, name, token_hash, verify_type, style)
     values ($1, $2, $3, $4, 'H', $5, 'none', 'generic')`,
    [hook, workspace, workflow, owner, Buffer.alloc(32)],
  );
  let seq = 0;
  const log = (
    actor: unknown,
    action: string,
    target: unknown,
    details: unknown,
    chain: unknown = workspace,
  ) =>
    run(
      `insert into audit_logs (chain_id, seq, id, actor_id, action, target_type, target_id, details, at, previous_hash, hash, canonical)
       values ($1, $2, $3, $4, $5, 'x', $6, $7, now(), $8, $8, '{}')`,
      [chain, ++seq, uuidv7(), actor, action, target, details && JSON.stringify(details), Buffer.alloc(32)],
    );
  const fields = (...given: string[]) => ({ fields: given, enabled: false });
  await log(founder, "schedule.created", schedule, { name: "S" });
  await log(first, "schedule.updated", schedule, fields("input"));
  await log(second, "schedule.updated", schedule, { fields: ["enabled"], enabled: true });
  await log(namer, "schedule.updated", schedule, fields("name"));
  await log(pauser, "schedule.updated", schedule, fields("name", "enabled"));
  await log(emptied, "schedule.updated", schedule, null);
  await log(owner, "schedule.updated", schedule, fields("cron"));
  await log(namer, "schedule.updated", plain, fields("name"));
  await log(first, "schedule.updated", schedule, fields("cron"));
  await log(namer, "schedule.updated", schedule, fields("cron"), elsewhere);
  await log(owner, "webhook.created", hook, {});
  await log(second, "webhook.updated", hook, { enabled: true });
  await log(first, "webhook.rotated", hook, {});
  await migrateDatabase({ databaseUrl: database.databaseUrl });

  const editorsOf = async (table: string, id: unknown) =>
    (await run(`select editors from ${table} where id = $1`, [id]))[0]?.editors;
  assert.deepEqual(await editorsOf("schedules", schedule), [founder, second, emptied, first]);
  assert.deepEqual(await editorsOf("schedules", plain), []);
  assert.deepEqual(await editorsOf("webhooks", hook), [second, first]);
  const granted = "select has_column_privilege('atelier_eraser', $1, 'editors', 'update') as may";
  for (const table of ["schedules", "webhooks"]) {
    assert.equal((await run(granted, [table]))[0]?.may, false);
  }
});
