// The rotation as a process of its own, and something for it to do.
import type { ChildProcess } from "node:child_process";
import type pg from "pg";
import { v7 as uuidv7 } from "uuid";
import type { Envelope } from "../../core/crypto/envelope.ts";
import { runScript, startScript } from "../support/run-script.ts";

/** A workspace with so many credentials, written past every policy: `c0` holds "secret 0". */
export async function seedCredentials(admin: pg.Client, envelope: Envelope, count: number): Promise<void> {
  const userId = uuidv7();
  const workspaceId = uuidv7();
  await admin.query("insert into users (id, email, password_hash) values ($1, $2, '-')", [
    userId,
    `${userId}@x.yz`,
  ]);
  await admin.query("insert into workspaces (id, name, created_by) values ($1, 'w', $2)", [
    workspaceId,
    userId,
  ]);
  const rows = Array.from({ length: count }, (_, index) => {
    const id = uuidv7();
    const binding = { purpose: "credential", workspaceId, id, type: "http.bearer" } as const;
    return { id, name: `c${index}`, ...envelope.seal(Buffer.from(`secret ${index}`), binding) };
  });
  await admin.query(
    `insert into credentials (id, workspace_id, owner_id, name, type, key_id, wrapped_key, ciphertext)
     select id, $1, $2, name, 'http.bearer', key_id, wrapped_key, ciphertext
     from unnest($3::uuid[], $4::text[], $5::text[], $6::bytea[], $7::bytea[])
       as r (id, name, key_id, wrapped_key, ciphertext)`,
    [
      workspaceId,
      userId,
      rows.map((row) => row.id),
      rows.map((row) => row.name),
      rows.map((row) => row.keyId),
      rows.map((row) => row.wrappedKey),
      rows.map((row) => row.ciphertext),
    ],
  );
}

export function startRotation(databaseUrl: string, dataDir: string, ...args: string[]): ChildProcess {
  return startScript("rotate-keys.ts", args, { DATABASE_URL: databaseUrl, DATA_DIR: dataDir });
}

/** `out` is all it said, on either side. */
export async function runRotation(
  databaseUrl: string,
  dataDir: string,
  ...args: string[]
): Promise<{ code: number | null; out: string }> {
  const environment = { DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  const { code, out, err } = await runScript("rotate-keys.ts", args, environment);
  return { code, out: out + err };
}
