// What a workspace says about its readers, as a column of the statement that reads in it: no statement of its own.
import { type Sql, sql } from "./sql.ts";

/**
 * `auditReads` for a row of this alias. Where its workspace is out of sight, reads are audited; and so is every read of
 * who is in it by emergency access.
 */
export function auditReadsOf(alias: Sql): Sql {
  return sql`coalesce((
    select w.audit_reads or exists (
      select from workspace_members m
      where m.workspace_id = w.id and m.user_id = (select app_user_id()) and m.emergency_reason is not null)
    from workspaces w where w.id = ${alias}.workspace_id), true) "auditReads"`;
}
