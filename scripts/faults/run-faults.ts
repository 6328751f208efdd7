// Runs the files of test/faults one after the other on one PostgreSQL, and sums up what they report.
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { MUTANTS, type Mutant } from "../../test/faults/driver/mutants.ts";
import { startTestServer } from "../../test/support/postgres-server.ts";
import type { FaultOptions } from "./parse-arguments.ts";
import { sumUp } from "./sum-up.ts";

const FOLDER = fileURLToPath(new URL("../../test/faults/", import.meta.url));
const STORM = "long/storm.fault.ts";

/** True when every scenario was green. */
export async function runFaults({ seed, minutes, filters }: FaultOptions): Promise<boolean> {
  const files = globSync(["**/*.test.ts", "long/*.fault.ts"], { cwd: FOLDER })
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
  if (files.length === 0) throw new Error(`No file of test/faults matches ${filters.join(" ")}`);
  const end = Date.now() + minutes * 60_000;
  return withServer(async (report) => {
    let well = true;
    for (let round = 0; round === 0 || Date.now() < end; round++) {
      console.log(`\nSeed ${seed + round}`);
      const failures = await runFiles(round === 0 ? files : [STORM], { FAULT_SEED: String(seed + round) });
      well &&= failures.length === 0;
    }
    console.log(sumUp(readFileSync(report, "utf8")));
    return well;
  });
}

/** True when every mutant made one of the files red that are there to notice it, by what they assert, and which is green without it. */
export async function runMutants({ seed, filters }: FaultOptions): Promise<boolean> {
  const mutants = MUTANTS.filter(
    ({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)),
  );
  if (mutants.length === 0) throw new Error(`No mutant matches ${filters.join(" ")}`);
  return withServer(async () => {
    const verdicts: string[] = [];
    for (const mutant of mutants) verdicts.push(await tryMutant(mutant, String(seed)));
    console.log(`\nMutants (seed ${seed})\n${verdicts.join("\n")}`);
    return verdicts.every((line) => line.startsWith("red"));
  });
}

async function tryMutant({ name, noticedBy }: Mutant, seed: string): Promise<string> {
  const hook = new URL("../../test/faults/driver/apply-mutant.ts", import.meta.url).href;
  const mutated = { FAULT_SEED: seed, FAULT_MUTANT: name, NODE_OPTIONS: `--import=${hook}` };
  for (const file of noticedBy) {
    const verdict = (await runFiles([file], mutated)).find(({ isVerdict }) => isVerdict);
    if (!verdict) continue;
    const [alsoWithout] = await runFiles([file], { FAULT_SEED: seed });
    return alsoWithout
      ? `UNSURE ${name}: ${file} is red without it too: ${alsoWithout.message}`
      : `red    ${name}: ${file}: ${verdict.message}`;
  }
  return `GREEN  ${name}: nobody noticed`;
}

type Failure = {
  message: string;
  /** It failed by an assertion, not because something could not start. */
  isVerdict: boolean;
};

async function runFiles(files: readonly string[], settings: Record<string, string>): Promise<Failure[]> {
  Object.assign(process.env, settings);
  const failures: Failure[] = [];
  try {
    const events = run({ files: files.map((file) => path.join(FOLDER, file)), concurrency: 1 });
    events.on("test:fail", ({ name, details: { error } }) => {
      const cause = error.cause instanceof Error ? error.cause : error;
      const isVerdict = /AssertionError|ERR_ASSERTION|Property failed/.test(
        `${cause.name} ${String(cause.stack)}`,
      );
      failures.push({ message: `${name}: ${cause.message.split("\n")[0]}`, isVerdict });
    });
    const report = new spec();
    report.pipe(process.stdout, { end: false });
    for await (const event of events) report.write(event);
    report.end();
  } finally {
    for (const name of Object.keys(settings)) delete process.env[name];
  }
  return failures;
}

/** `work` gets the file to which the scenarios append their lines. */
async function withServer(work: (report: string) => Promise<boolean>): Promise<boolean> {
  const folder = mkdtempSync(path.join(tmpdir(), "atelier-faults-"));
  const report = path.join(folder, "report.jsonl");
  writeFileSync(report, "");
  const server = await startTestServer();
  Object.assign(process.env, {
    TEST_POSTGRES_URL: server.adminUrl,
    TEST_POSTGRES_OWNER_URL: server.ownerUrl,
    FAULT_REPORT: report,
  });
  try {
    return await work(report);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
