// `npm run import`: loads a file-based Studio. Exit code 0: all read; 2: not all, the rest is in; 1: refused.
import { createEnvelope } from "../core/crypto/envelope.ts";
import { createKeyring } from "../core/crypto/keyring.ts";
import { AppError } from "../core/domain/app-error.ts";
import { createDatabase } from "../core/persistence/database.ts";
import { printReport } from "./import/print-report.ts";
import { readArguments } from "./import/read-arguments.ts";
import { exitCodeOf } from "./import/report.ts";
import { runImport } from "./import/run-import.ts";
import { openInstallation } from "./installation/open-installation.ts";

async function main(): Promise<number> {
  const args = readArguments(process.argv.slice(2));
  const interruption = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interruption.abort());
  const installation = await openInstallation(process.env, process.cwd(), (line) => console.error(line));
  const db = createDatabase({
    databaseUrl: installation.databaseUrl,
    role: "atelier_api",
    maxConnections: 2,
    onError: (error) => console.error(error.message),
  });
  try {
    const envelope = createEnvelope({ keyring: createKeyring({ keys: installation.encryptionKeys() }) });
    const { owner, report } = await runImport({ db, envelope, signal: interruption.signal, ...args });
    console.log(printReport(report, { ...args, email: owner.email }));
    return exitCodeOf(report);
  } finally {
    await db.close();
    await installation.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof AppError ? error.message : error);
  process.exitCode = 1;
}
