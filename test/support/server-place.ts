// Where throw-away servers keep their files: in memory where there is plenty of it.
import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const MEMORY = "/dev/shm";
const TMPFS = 0x0102_1994;
const GB = 1024 ** 3;

/** All places that may be chosen, for those who look for what was left behind. */
export const SERVER_PLACES: readonly string[] = [MEMORY, tmpdir()];

/**
 * A test database is some 900 files, made and soon deleted. ext4 does not give the inodes of deleted files out again for
 * minutes and looks at each of them for every new file: in a row of tests a database took 560 to 940 ms of processor
 * time there, 70 in a fresh folder. The server with its largest test (a million rows) stays below 2 GB.
 */
export function chooseServerPlace(): string {
  try {
    const { type, bavail, bsize } = statfsSync(MEMORY);
    const hasRoom = type === TMPFS && bavail * bsize >= 4 * GB && process.availableMemory() >= 8 * GB;
    return hasRoom ? MEMORY : tmpdir();
  } catch {
    return tmpdir(); // No such place: not Linux.
  }
}
