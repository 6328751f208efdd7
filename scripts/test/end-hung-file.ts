// Loaded before every test file by `npm test`: a file that would never end is ended, and says what held it open.
import path from "node:path";
import { after } from "node:test";
import { isMainThread } from "node:worker_threads";

// The longest file took 87 s where five processes wanted each processor, and some 250 s where twelve did.
const FILE_SECONDS = Number(process.env.TEST_FILE_SECONDS ?? 600);
// After the last test the file's own hooks run; a platform may take 40 s to drain, on a machine with nothing else to do.
const REST_SECONDS = Number(process.env.TEST_REST_SECONDS ?? 180);

const file = process.argv[1] ?? "";
// The flag is inherited by threads and, in other processes than a test file's own, means nothing.
if (isMainThread && file.endsWith(".test.ts")) {
  endAfter(FILE_SECONDS, `did not end within ${FILE_SECONDS} s`);
  after(() => endAfter(REST_SECONDS, `was still there ${REST_SECONDS} s after its last test`));
  // An interrupted run: what was started with this process ends with it, which a death by the signal would not do.
  process.once("SIGTERM", () => process.exit(143));
}

/** Keeps nothing alive itself: a file that ends in time is not held back. */
function endAfter(seconds: number, what: string): void {
  setTimeout(() => {
    const held = new Map<string, number>();
    for (const name of process.getActiveResourcesInfo()) held.set(name, (held.get(name) ?? 0) + 1);
    const list = [...held].map(([name, count]) => `${count} ${name}`).join(", ");
    console.error(`${path.relative(process.cwd(), file)} ${what} and is ended; open: ${list || "nothing"}`);
    process.exit(1);
  }, seconds * 1_000).unref();
}
