// Gives a finished file its name without ever taking the place of what has that name.
import { link, open, rename, rm } from "node:fs/promises";

// What file systems without hard links say (exFAT, some shares).
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Both in one folder. Throws `EEXIST`: then `half` stays. `tie` is link(2). */
export async function giveName(half: string, file: string, tie: typeof link = link): Promise<void> {
  try {
    await tie(half, file);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    // The name is taken first, empty, so that only this one's own file is replaced.
    await (await open(file, "wx", 0o600)).close();
    await rename(half, file);
    return;
  }
  await rm(half);
}
