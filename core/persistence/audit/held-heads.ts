// Which heads of the audit log somebody holds, asked without waiting for any of them.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/**
 * Of these chains those whose heads are in other hands at this moment. Part of a transaction, which holds none of them
 * afterwards: the locks end with the savepoint, and nothing is written for them that a commit would wait for.
 */
export async function findHeldHeads(tx: Executor, chainIds: readonly string[]): Promise<Set<string>> {
  const [, held] = await Promise.all([
    tx.run(sql`savepoint asked`),
    tx.many<{ id: string }>(sql`
      with free as materialized (
        select chain_id from audit_heads where chain_id = any(${chainIds}::uuid[]) for no key update skip locked)
      select chain_id as id from audit_heads
      where chain_id = any(${chainIds}::uuid[]) and chain_id not in (select chain_id from free)`),
    tx.run(sql`rollback to savepoint asked`),
    tx.run(sql`release savepoint asked`),
  ]);
  return new Set(held.map(({ id }) => id));
}
