// What a workspace says about its readers, as a column of the statement that reads in it: no statement of its own.
import { type Sql, sql } from "./sql.ts";

/** `auditReads` for a row of this alias; where its workspace is out of sight, reads are audited. */
export function auditReadsOf(alias: Sql): Sql {
  return sql`coalesce(
    (select w.audit_reads from workspaces w where w.id = ${alias}.workspace_id), true) "auditReads"`;
}
