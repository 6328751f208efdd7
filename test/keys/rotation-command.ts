// The rotation as a process of its own, and something for it to do.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type pg from "pg";
import { v7 as uuidv7 } from "uuid";
import type { Envelope } from "../../core/crypto/envelope.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

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
  const { PATH } = process.env;
  const env = { PATH, DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  return spawn(process.execPath, ["scripts/rotate-keys.ts", ...args], { cwd: ROOT, env });
}

export async function runRotation(
  databaseUrl: string,
  dataDir: string,
  ...args: string[]
): Promise<{ code: number; out: string }> {
  const child = startRotation(databaseUrl, dataDir, ...args);
  let out = "";
  child.stdout?.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    out += chunk;
  });
  const [code] = await once(child, "close");
  return { code, out };
}
