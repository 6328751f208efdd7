// Looks at, and bends, a test's database past every policy.
import { Client } from "pg";
import type { TestDatabase } from "./database.ts";

/** Rows of one statement run as the superuser. */
export async function asAdmin<Row>(
  database: Pick<TestDatabase, "adminUrl">,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new Client({ connectionString: database.adminUrl });
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows as Row[];
  } finally {
    await client.end();
  }
}
