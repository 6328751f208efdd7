// `npm test`: every test file against one throw-away PostgreSQL, with arguments as file filters.
import { globSync } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { startTestServer } from "../test/support/postgres-server.ts";
import { findPrograms } from "./test/find-programs.ts";
import { type FileGroup, groupFiles } from "./test/group-files.ts";
import { joinRuns } from "./test/join-runs.ts";
import { listSkips } from "./test/list-skips.ts";
import { createModuleCache } from "./test/module-cache.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const namePrefix = "--test-name-pattern=";

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const filters = args.filter((arg) => !arg.startsWith("-"));
  const names = args.filter((arg) => arg.startsWith(namePrefix)).map((arg) => arg.slice(namePrefix.length));
  const files = findTestFiles(filters);
  if (files.length === 0) {
    console.error(`No test file matches ${filters.join(" ")}`);
    return 1;
  }
  forgetOwnSettings();
  const missing = findPrograms(process.env);
  for (const line of missing) console.log(line);

  const [server, moduleCache] = await Promise.all([
    startTestServer((line) => console.log(line)),
    createModuleCache(root),
  ]);
  process.env.NODE_COMPILE_CACHE = moduleCache;
  process.env.TEST_POSTGRES_URL = server.adminUrl;
  process.env.TEST_POSTGRES_OWNER_URL = server.ownerUrl;
  let interrupted = false;
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      interrupted = true;
      controller.abort();
    });
  }
  try {
    const failed = await runFiles(files, names, controller.signal);
    return failed || interrupted ? 1 : 0;
  } finally {
    await server.stop();
  }
}

/** A filter is a part of a path: `npm test core/queue` or `npm test leases`. */
function findTestFiles(filters: readonly string[]): string[] {
  const skip = (name: string) => path.basename(name) === "node_modules" || path.basename(name) === ".data";
  const found = globSync("**/*.test.ts", { cwd: root, exclude: skip }).filter(
    (file) => filters.length === 0 || filters.some((filter) => file.includes(filter.replace(/^\.\//, ""))),
  );
  return found.sort();
}

async function runFiles(files: string[], names: string[], signal: AbortSignal): Promise<boolean> {
  let failed = false;
  const start = (group: FileGroup) => {
    const events = run({
      files: group.files.map((file) => path.join(root, file)),
      concurrency: group.lanes,
      execArgv: ["--import", path.join(root, "scripts/test/end-hung-file.ts")],
      cwd: root,
      signal,
      ...(names.length > 0 ? { testNamePatterns: names } : {}),
    });
    events.on("test:fail", (event) => {
      if (event.todo === undefined || event.todo === false) failed = true;
    });
    return events;
  };
  const runs = groupFiles(files).map((group) => () => start(group));
  await pipeline(listSkips(joinRuns(runs)), new spec(), process.stdout, { end: false });
  return failed;
}

/** What a developer's shell says about their own installation is not about the one under test. */
function forgetOwnSettings(): void {
  const own =
    /^(API_|WORKER_|SCHEDULER_)?DATABASE_URL$|^(REDIS_URL|PORT|HOST|DATA_DIR|HEALTH_PORT|PUBLIC_URL|SIGNUP|SETUP_TOKEN|LOG_LEVEL|JWT_SECRETS|ENCRYPTION_KEYS|SECRETS_DIR|WORKER_CONCURRENCY|ALLOW_.*|PG[A-Z]+)$/;
  for (const name of Object.keys(process.env)) if (own.test(name)) delete process.env[name];
}
