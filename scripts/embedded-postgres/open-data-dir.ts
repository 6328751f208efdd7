// Makes DATA_DIR usable: there, writable, and with a passage for the database server's user.
import { accessSync, chmodSync, constants, mkdirSync, realpathSync } from "node:fs";
import { AppError } from "../../core/domain/app-error.ts";

/** Returns the real path. Others may pass through but not look around; what is secret in it has mode 0600. */
export function openDataDir(wanted: string): string {
  try {
    const made = mkdirSync(wanted, { recursive: true, mode: 0o711 });
    if (made !== undefined) chmodSync(wanted, 0o711); // Whatever the umask says.
    accessSync(wanted, constants.R_OK | constants.W_OK | constants.X_OK);
    return realpathSync(wanted);
  } catch (cause) {
    throw new AppError(
      "data_dir_unusable",
      `DATA_DIR ${wanted} cannot be used: ${(cause as Error).message}. Set DATA_DIR to a folder that this user may write.`,
      { cause },
    );
  }
}
