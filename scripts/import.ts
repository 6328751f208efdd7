// `npm run import`: loads a file-based Studio. Exit code 0: all read; 2: not all, the rest is in; 1: refused.
import { createEnvelope } from "../core/crypto/envelope.ts";
import { createKeyring } from "../core/crypto/keyring.ts";
import { printReport } from "./import/print-report.ts";
import { readArguments } from "./import/read-arguments.ts";
import { exitCodeOf } from "./import/report.ts";
import { runImport } from "./import/run-import.ts";
import { runCommand } from "./installation/run-command.ts";

await runCommand(async ({ args, open, connect, print }) => {
  const wanted = readArguments(args);
  const interruption = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interruption.abort());
  const installation = await open();
  const db = connect(installation, "atelier_api", 2);
  const envelope = createEnvelope({ keyring: createKeyring({ keys: installation.encryptionKeys() }) });
  const { owner, report } = await runImport({ db, envelope, signal: interruption.signal, ...wanted });
  print(printReport(report, { ...wanted, email: owner.email }));
  return exitCodeOf(report);
});
