// The audit log under load: what the chain costs a submission, how fast a chain is verified and searched.
import { loadavg } from "node:os";
import { createDatabase } from "../../core/persistence/database.ts";
import { fillSearchable, fillVerifiable } from "./fill-audit-log.ts";
import { measureAuditSearch } from "./measure-audit-search.ts";
import { measureAuditShare } from "./measure-audit-share.ts";
import { measureAuditSubmit } from "./measure-audit-submit.ts";
import { measureAuditVerify } from "./measure-audit-verify.ts";
import type { Measurement } from "./measurement.ts";
import type { Servers } from "./start-servers.ts";

export type AuditBench = { rows: number; seconds: number; note: (line: string) => void };

/** Before any role runs, on a database of no one else; leaves no execution and no entry behind. */
export async function measureAudit(
  servers: Servers,
  { rows, seconds, note }: AuditBench,
): Promise<Measurement[]> {
  const { admin } = servers;
  const database = createDatabase({ databaseUrl: servers.databaseUrl, role: "atelier_api" });
  const empty = () => admin.query("truncate audit_logs, audit_heads, workflow_executions");
  await admin.query("set session_replication_role = replica");
  try {
    const lines = await measureAuditSubmit(database, admin, seconds);
    lines.push(...(await measureAuditShare(servers, seconds)));
    await empty();
    // More say nothing new about verifying, and entries with real hashes take 200 µs each to write.
    const chainId = await fillVerifiable(database, Math.min(rows, 1_000_000));
    lines.push(await measureAuditVerify(database, chainId));
    await empty();
    note(`writing ${rows} entries to search`);
    const chains = await fillSearchable(admin, rows);
    lines.push(...(await measureAuditSearch(database, admin, chains, rows)));
    const load = loadavg().map((value) => Number(value.toFixed(1)));
    return lines.map((line) => ({ ...line, load }));
  } finally {
    await empty();
    await admin.query("reset session_replication_role");
    await database.close();
  }
}
