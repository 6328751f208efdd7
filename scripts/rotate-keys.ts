// `npm run keys:rotate`: a new key for everything that is encrypted, while the platform runs. See --help for the rest.
import { AppError } from "../core/domain/app-error.ts";
import { createDatabase } from "../core/persistence/database.ts";
import { type Keys, readKeys, writeKeys } from "./installation/keep-keys.ts";
import { openInstallation } from "./installation/open-installation.ts";
import { readArguments } from "./rotate-keys/read-arguments.ts";
import { type KeysStore, retire, rotate, showStatus } from "./rotate-keys/run-rotation.ts";

async function main(): Promise<number> {
  const { act, newKey } = readArguments(process.argv.slice(2));
  const log = (line: string) => console.error(line);
  const installation = await openInstallation(process.env, process.cwd(), log);
  const database = createDatabase({
    databaseUrl: installation.databaseUrl,
    role: "atelier_rotator",
    maxConnections: 1,
    onError: (error) => log(error.message),
  });
  try {
    const file = installation.keysFile;
    const store = file === null ? null : storeIn(file, log);
    const rotation = { installation, database, store, print: (line: string) => console.log(line) };
    if (act === "status") return await showStatus(rotation);
    return await (act === "retire" ? retire(rotation) : rotate(rotation, newKey));
  } finally {
    await database.close();
    await installation.close();
  }
}

function storeIn(file: string, log: (line: string) => void): KeysStore {
  const keys = (): Keys => readKeys(file, log);
  return {
    file,
    read: () => keys().ENCRYPTION_KEYS,
    write: (encryptionKeys) => writeKeys(file, { ...keys(), ENCRYPTION_KEYS: encryptionKeys }),
  };
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof AppError ? error.message : error);
  process.exitCode = 1;
}
