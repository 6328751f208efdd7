// Indexes on tables that may be big, built beside everybody's work; a migration would lock them for as long as it reads.
import type pg from "pg";

const INDEXES: readonly { name: string; on: string }[] = [
  // Slots whose turn may come, without those that rest with their schedule.
  {
    name: "schedule_fires_turn_idx",
    on: "schedule_fires (schedule_id, scheduled_for) where outcome = 'pending' and not (resting and kind = 'slot')",
  },
  // What a deleted workspace is emptied by.
  { name: "schedule_fires_workspace_id_idx", on: "schedule_fires (workspace_id)" },
  { name: "webhook_deliveries_workspace_id_idx", on: "webhook_deliveries (workspace_id)" },
];

/** Waits, while nobody waits for it, until every transaction has ended that was there before (a backup's too). */
export async function buildIndexes(client: pg.Client, tell: (line: string) => void): Promise<void> {
  for (const { name, on } of INDEXES) {
    const { rows } = await client.query<{ isValid: boolean }>(
      `select indisvalid as "isValid" from pg_index where indexrelid = to_regclass($1)`,
      [`public.${name}`],
    );
    if (rows[0]?.isValid) continue;
    tell(`Building the index ${name}; what began before is waited for`);
    // One that was broken off is kept up by every write and used by none.
    if (rows[0]) await client.query(`drop index concurrently public.${name}`);
    await client.query(`create index concurrently ${name} on ${on}`);
  }
}
