// `npm run keys:rotate`: a new key for everything that is encrypted, while the platform runs. See its usage for the rest.
import path from "node:path";
import { type Keys, readKeys, writeKeys } from "./installation/keep-keys.ts";
import { runCommand } from "./installation/run-command.ts";
import { readArguments } from "./rotate-keys/read-arguments.ts";
import { type KeysStore, retire, rotate, showStatus } from "./rotate-keys/run-rotation.ts";

await runCommand(async ({ args, open, connect, print, log }) => {
  const { act, newKey } = readArguments(args);
  const installation = await open();
  const file = installation.keysFile;
  const store = file === null ? null : storeIn(file, log);
  const anchorFolder = process.env.AUDIT_ANCHOR_DIR || path.join(installation.dataDir, "anchors");
  const database = connect(installation, "atelier_rotator");
  const rotation = { installation, database, store, print, anchorFolder };
  if (act === "status") return await showStatus(rotation);
  return await (act === "retire" ? retire(rotation) : rotate(rotation, newKey));
});

function storeIn(file: string, log: (line: string) => void): KeysStore {
  const keys = (): Keys => readKeys(file, log);
  return {
    file,
    read: () => keys().ENCRYPTION_KEYS,
    write: (encryptionKeys) => writeKeys(file, { ...keys(), ENCRYPTION_KEYS: encryptionKeys }),
  };
}
