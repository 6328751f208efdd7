// Who holds a head of the log is told at once, and asking holds nothing.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import { NOBODY } from "../database.ts";
import { sql } from "../sql.ts";
import { findHeldHeads } from "./held-heads.ts";

let bed: ExecutionBed;
before(async () => {
  bed = await createExecutionBed();
});
after(() => bed?.close());

test("those that others hold are named, one that is free or not there yet is not, and none is held afterwards", async () => {
  const [held, free, isNew] = [randomUUID(), randomUUID(), randomUUID()];
  await bed.admin.query(
    "insert into audit_heads (chain_id, seq, hash) select id, 0, '' from unnest($1::uuid[]) id",
    [[held, free]],
  );
  const [holder, other] = [await bed.admin.connect(), await bed.admin.connect()];
  const lock = (client: typeof holder, id: string) =>
    client.query("select from audit_heads where chain_id = $1 for no key update nowait", [id]);
  await holder.query("begin");
  await lock(holder, held);
  const ask = () =>
    bed.open("atelier_scheduler").transaction(NOBODY, async (tx) => {
      await tx.run(sql`select set_config('lock_timeout', '7s', true)`);
      const found = await findHeldHeads(tx, [held, free, isNew]);
      const { rowCount } = await lock(other, free);
      assert.equal(rowCount, 1);
      const kept = await tx.one<{ lock: string }>(sql`select current_setting('lock_timeout') as lock`);
      assert.equal(kept?.lock, "7s");
      return [...found];
    });
  assert.deepEqual(await ask(), [held]);
  await holder.query("rollback");
  assert.deepEqual(await ask(), []);
  holder.release();
  other.release();
});
