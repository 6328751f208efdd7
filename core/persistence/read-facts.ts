// What a row says about its readers, as columns of the statement that reads it: no statement of its own.
import { type Sql, sql } from "./sql.ts";

/** `labels` and `auditReads` of a row of this alias; where the workspace is out of sight, its reads are audited. */
export function readFactsOf(alias: Sql): Sql {
  return sql`${alias}.labels, coalesce(
    (select w.audit_reads from workspaces w where w.id = ${alias}.workspace_id), true) "auditReads"`;
}
