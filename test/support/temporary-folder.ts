// A folder that is gone when the test is over, and that another user may pass through.
import { chmodSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

type Cleanup = { after(callback: () => void | Promise<void>): void };

export function temporaryFolder(t: Cleanup): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "atelier-tmp-")));
  chmodSync(folder, 0o711); // As root PostgreSQL runs as another user.
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  return folder;
}
