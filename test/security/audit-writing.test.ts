// What the audit log holds against: many writers, a failing entry, a spreadsheet, a reader who leaves.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { appendAudit } from "#core/persistence/audit/audit-logs.ts";
import { verifyAuditChain } from "#core/persistence/audit/verify-audit-chain.ts";
import type { Database } from "#core/persistence/database.ts";
import { createAuditLogService } from "#core/services/audit/audit-logs.ts";
import { createReadRecorder } from "#core/services/audit/record-reads.ts";
import { createFileService } from "#core/services/files/files.ts";
import { createAuditLogRoutes } from "../../api/routes/audit-logs.ts";
import { createFileRoutes } from "../../api/routes/files.ts";
import { type RouteServer, startRouteServer } from "../support/route-server.ts";

let server: RouteServer;
let transactions = 0;

before(async () => {
  server = await startRouteServer((database) => {
    const counted: Database = {
      ...database,
      transaction(principals, work) {
        transactions += 1;
        return database.transaction(principals, work);
      },
    };
    return [
      ...createAuditLogRoutes({ auditLogs: createAuditLogService({ database: counted }) }),
      ...createFileRoutes({
        files: createFileService({ database, reads: createReadRecorder({ database }) }),
      }),
    ];
  });
});
after(() => server?.close());

const append = (chainId: string, count: number, targetId = "w") =>
  server.database.transaction({ workspaceIds: [] }, (tx) =>
    appendAudit(
      tx,
      Array.from({ length: count }, () => ({
        chainId,
        actorId: null,
        action: "a.b",
        targetType: "c",
        targetId,
      })),
    ),
  );

test("S40: 50 writers of 200 entries each make one line without a gap", async () => {
  const { workspaceId } = await server.addPerson("line");
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      for (let round = 0; round < 20; round++) await append(workspaceId, 10);
    }),
  );
  const verdict = await server.database.transaction({ workspaceIds: [workspaceId] }, (tx) =>
    verifyAuditChain(tx, workspaceId),
  );
  assert.deepEqual(verdict, { ok: true, checked: 10_000 });
});

test("S41: where the entry cannot be written, the change is not made", async () => {
  const ada = await server.addPerson("ada");
  const upload = () =>
    fetch(`${server.url}/api/files?name=x`, {
      method: "POST",
      headers: { authorization: `Bearer ${ada.userId}`, "content-type": "text/plain" },
      body: "bytes",
    });
  const count = async () =>
    (await server.admin.query("select from files where completed_at is not null")).rowCount;
  await server.admin.query(
    "alter table audit_logs add constraint broken check (action <> 'file.created') not valid",
  );
  assert.equal((await upload()).status, 500);
  assert.equal(await count(), 0);
  await server.admin.query("alter table audit_logs drop constraint broken");
  assert.equal((await upload()).status, 201);
  assert.equal(await count(), 1);
});

test("an export is in the log before its first byte, and no cell of it is a formula", async () => {
  const eve = await server.addPerson("eve");
  for (const cell of ["=1+1", "+1", "-1", "@x"]) await append(eve.workspaceId, 1, cell);
  const reply = await fetch(`${server.url}/api/audit-logs/export?format=csv`, {
    headers: { authorization: `Bearer ${eve.userId}` },
  });
  assert.match(reply.headers.get("content-type") ?? "", /^text\/csv/);
  const { rows } = await server.admin.query(
    "select action, details->>'format' as format from audit_logs where chain_id = $1 order by seq desc limit 1",
    [eve.workspaceId],
  );
  assert.deepEqual(rows, [{ action: "audit.exported", format: "csv" }]);
  const [head = "", ...lines] = (await reply.text()).trimEnd().split("\n");
  assert.match(head, /^seq,at,actorId,/);
  assert.deepEqual(
    lines.map((line) => line.split(",")[7]),
    ["'@x", "'-1", "'+1", "'=1+1"],
  );
});

test("a reader who leaves stops the reading", async () => {
  const gil = await server.addPerson("gil");
  for (let round = 0; round < 20; round++) await append(gil.workspaceId, 2_000, "x".repeat(400));
  const leaving = new AbortController();
  const reply = await fetch(`${server.url}/api/audit-logs/export`, {
    headers: { authorization: `Bearer ${gil.userId}` },
    signal: leaving.signal,
  });
  await reply.body?.getReader().read();
  leaving.abort();
  let before = -1;
  while (before !== transactions) {
    before = transactions;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  assert.ok(transactions < 40, `${transactions} transactions; the whole log would take 40 and more`);
});
