// A folder that is gone when the test file is over, and that another user may pass through.
import { chmodSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

type Cleanup = { after(callback: () => void | Promise<void>): void };

const finished: string[] = [];

export function temporaryFolder(t: Cleanup): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "atelier-tmp-")));
  chmodSync(folder, 0o711); // As root PostgreSQL runs as another user.
  // Hooks run in the order they were set: whatever a test starts in the folder stops only after this one, so
  // deleting waits for the end of the process.
  t.after(() => {
    if (finished.push(folder) === 1) process.once("exit", removeFinished);
  });
  return folder;
}

function removeFinished(): void {
  for (const folder of finished)
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}
