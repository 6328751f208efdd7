// Gives the cluster the owner role and the database of DATABASE_URL, and new passwords when the old are lost.
import { spawn } from "node:child_process";
import { Client, escapeLiteral } from "pg";
import { AppError } from "../../core/domain/app-error.ts";
import type { Binaries } from "./binaries.ts";
import type { ServerUser } from "./server-user.ts";

/** Idempotent, since the start that made the cluster may have ended before this step. */
export async function prepareDatabases(
  adminUrl: string,
  ownerPassword: string,
  renew: boolean,
): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ hasRole: boolean; hasDatabase: boolean }>(
      `select exists (select from pg_roles where rolname = 'atelier') as "hasRole",
              exists (select from pg_database where datname = 'atelier') as "hasDatabase"`,
    );
    const secret = escapeLiteral(ownerPassword);
    if (!rows[0]?.hasRole) await client.query(`create role atelier login createrole password ${secret}`);
    else if (renew) await client.query(`alter role atelier password ${secret}`);
    if (!rows[0]?.hasDatabase) await client.query("create database atelier owner atelier");
  } finally {
    await client.end();
  }
}

/** Sets the superuser's password without a password, as only somebody who may read the data files can. */
export function resetSuperuserPassword(
  binaries: Binaries,
  folder: string,
  user: ServerUser,
  password: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(binaries.postgres, ["--single", "-D", folder, "postgres"], {
      cwd: "/",
      env: { LC_ALL: "C", TZ: "UTC" },
      ...user,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0 && !/(error|fatal):/i.test(output)) return resolve();
      reject(
        new AppError("password_reset_failed", `The database got no new password:\n${output.slice(-800)}`),
      );
    });
    child.stdin.end(`alter role postgres password ${escapeLiteral(password)}\n`);
  });
}
