// S42 from end to end: the real scheduler keeps signed heads in a folder, and the real api proves chains against them.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { createClient, registerPerson } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { createPlatform } from "../support/platform.ts";
import { asAdmin } from "../support/query.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

type Head = { heads: Array<{ chainId: string; seq: number; hash: string }>; signature: string };
type Proof = {
  ok: boolean;
  checked: number;
  firstBad?: number;
  anchors: { configured: boolean; compared: number };
};

test("S42: the scheduler keeps the heads outside the database, and a tail cut behind them shows over HTTP", async (t) => {
  const database = await createTestDatabase(t);
  const folder = path.join(temporaryFolder(t), "anchors");
  const platform = await createPlatform({ DATABASE_URL: database.databaseUrl, AUDIT_ANCHOR_DIR: folder });
  t.after(() => platform.close());
  const [, scheduler] = [await platform.start("api"), await platform.start("scheduler")];
  const request = createClient(platform.url);
  const { token, workspaceId } = await registerPerson(request);
  const credential = {
    name: "one",
    type: "http.bearer",
    data: { token: "t-0123456789" },
    allowedHosts: ["example.com"],
  };
  for (const name of ["one", "two", "three"]) {
    const made = await request("POST", "/api/credentials", { token, body: { ...credential, name } });
    assert.equal(made.status, 201, made.text);
  }
  // At the stop it makes a last pass, so that a clean end leaves nothing unsigned.
  assert.equal(await scheduler.kill("SIGTERM"), 0, scheduler.log.join(""));

  const head = await request<Head>("GET", "/api/audit-logs/head", { token });
  assert.equal(head.status, 200, head.text);
  const newest = head.body.heads.find(({ chainId }) => chainId === workspaceId);
  assert.equal(newest?.seq, 3);
  const kept = readdirSync(folder).map((name) => readFileSync(path.join(folder, name), "utf8"));
  assert.ok(kept.join("").includes(newest.hash), "the newest head is in the folder");

  const verify = async () => (await request<Proof>("GET", "/api/audit-logs/verify", { token })).body;
  const whole = await verify();
  assert.deepEqual([whole.ok, whole.checked, whole.anchors.configured], [true, 3, true]);
  assert.ok(whole.anchors.compared > 0, "it was compared with what was kept");

  for (const text of [
    "set session_replication_role = replica; delete from audit_logs where seq = 3 and chain_id = '%'",
    `update audit_heads h set seq = 2, hash = l.hash from audit_logs l
     where h.chain_id = '%' and l.chain_id = h.chain_id and l.seq = 2`,
  ]) {
    await asAdmin(database, text.replace("%", workspaceId));
  }
  const cut = await verify();
  assert.deepEqual([cut.ok, cut.firstBad], [false, 3]);
});
