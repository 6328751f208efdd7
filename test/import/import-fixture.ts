// An installation to import into: a database of its own, one admin, keys; and a copy of the sample folder to damage.
import { randomBytes } from "node:crypto";
import { cpSync, utimesSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { v7 as uuidv7 } from "uuid";
import { createEnvelope } from "../../core/crypto/envelope.ts";
import { createKeyring } from "../../core/crypto/keyring.ts";
import { createDatabase } from "../../core/persistence/database.ts";
import { sql } from "../../core/persistence/sql.ts";
import { runImport } from "../../scripts/import/run-import.ts";
import { createTestDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

export const EMAIL = "ana@example.com";
const SAMPLE = fileURLToPath(new URL("./sample", import.meta.url));

export type Cleanup = { after(callback: () => void | Promise<void>): void };

export async function createInstallation(t: Cleanup) {
  const scratch = await createTestDatabase();
  const db = createDatabase({ databaseUrl: scratch.databaseUrl, role: "atelier_api" });
  t.after(async () => {
    await db.close();
    await scratch.drop();
  });
  const secret = randomBytes(32);
  const envelope = createEnvelope({ keyring: createKeyring({ keys: [{ id: "k1", secret }] }) });
  const register = async (email: string) => {
    const [userId, workspaceId] = [uuidv7(), uuidv7()];
    await db.run(sql`select identity_register(${userId}, ${email}, 'Ana', 'none', ${workspaceId}, 'Ana')`);
    return { userId, workspaceId };
  };
  const owner = await register(EMAIL);
  const principals = { userId: owner.userId, workspaceIds: [owner.workspaceId] };
  return {
    ...owner,
    db,
    envelope,
    secret,
    databaseUrl: scratch.databaseUrl,
    adminUrl: scratch.adminUrl,
    register,
    /** Rows as the owner sees them. */
    rows: <Row>(statement: ReturnType<typeof sql>) =>
      db.transaction(principals, (tx) => tx.many<Row>(statement)),
    run: async (folder: string, options: { dryRun?: boolean; email?: string | null } = {}) => {
      const signal = new AbortController().signal;
      const { report } = await runImport({
        db,
        envelope,
        folder,
        email: null,
        dryRun: false,
        signal,
        ...options,
      });
      return report;
    },
  };
}

export type Installation = Awaited<ReturnType<typeof createInstallation>>;

/** The time of files that say none themselves. */
export const FILE_TIME = "2022-06-01T12:00:00.000Z";

export function copySample(t: Cleanup): string {
  const folder = temporaryFolder(t);
  cpSync(SAMPLE, folder, { recursive: true });
  const time = new Date(FILE_TIME);
  for (const file of ["workflows/archive/nightly-report.json", "credentials.json"]) {
    utimesSync(path.join(folder, file), time, time);
  }
  return folder;
}

/** How many rows each table has, as nobody's policy limits it. */
export const COUNTED_TABLES = [
  "workflows",
  "workflow_versions",
  "workflow_executions",
  "execution_steps",
  "credentials",
  "audit_logs",
] as const;
