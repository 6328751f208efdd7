// The passphrase of a backup: from BACKUP_PASSPHRASE, else asked for at the terminal without showing it.
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { AppError } from "../../core/domain/app-error.ts";

/** `twice` for a new one. Throws `passphrase_missing` where nobody can be asked, `passphrase_mistyped`. */
export async function askPassphrase(env: NodeJS.ProcessEnv, { twice }: { twice: boolean }): Promise<string> {
  if (env.BACKUP_PASSPHRASE) return env.BACKUP_PASSPHRASE;
  if (!process.stdin.isTTY) {
    throw new AppError(
      "passphrase_missing",
      "The keys in a backup are under a passphrase: set BACKUP_PASSPHRASE, or run this at a terminal to be asked for it",
    );
  }
  const passphrase = await ask("Passphrase of the backup: ");
  if (twice && (await ask("The same again: ")) !== passphrase) {
    throw new AppError("passphrase_mistyped", "The two passphrases are not the same");
  }
  return passphrase;
}

function ask(question: string): Promise<string> {
  process.stderr.write(question);
  // What readline would echo goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  return new Promise((resolve, reject) => {
    terminal.once("SIGINT", () => {
      terminal.close();
      reject(new AppError("passphrase_missing", "Broken off"));
    });
    terminal.question("", (answer) => {
      terminal.close();
      process.stderr.write("\n");
      resolve(answer);
    });
  });
}
