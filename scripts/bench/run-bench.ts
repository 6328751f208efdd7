// Each profile on servers of its own: first BullMQ alone on them, then the platform.
import { availableParallelism, totalmem } from "node:os";
import { connectUsers } from "./connect-users.ts";
import { measureAudit } from "./measure-audit.ts";
import { measureBatch } from "./measure-batch.ts";
import { type BullmqRates, measureBullmq } from "./measure-bullmq.ts";
import { measureClosedLoop } from "./measure-closed-loop.ts";
import { measureFairness } from "./measure-fairness.ts";
import { measureLoginStorm } from "./measure-login-storm.ts";
import { measureLoginTiming } from "./measure-login-timing.ts";
import { measureScripts } from "./measure-scripts.ts";
import { measureChain, measureForEach, measureWait } from "./measure-waiting.ts";
import { type Measurement, type Name, type Profile, round } from "./measurement.ts";
import { findOwnRun } from "./own-runs.ts";
import type { BenchOptions } from "./parse-arguments.ts";
import type { PlatformUnderLoad } from "./platform-under-load.ts";
import { openTarget, PROXY_ENVIRONMENT } from "./security-target.ts";
import { startRoles } from "./start-roles.ts";
import { type Servers, startServers } from "./start-servers.ts";

export type BenchOutput = {
  signal: AbortSignal;
  print(measurement: Measurement & { profile: Profile; command: string }): void;
  note(line: string): void;
};

/** What is measured without the platform's processes. */
const ALONE: ReadonlySet<Name> = new Set(["bullmq", "audit", "scripts"]);

type Print = (measurement: Measurement) => void;

/** Stops what it started and deletes its files, however it ends. */
export async function runBench(options: BenchOptions, output: BenchOutput): Promise<void> {
  const memory = Math.round(totalmem() / 2 ** 30);
  output.note(
    `${availableParallelism()} processors, ${memory} GB, Node ${process.version}; load from this machine`,
  );
  if (options.security) {
    await runInterruptibly(output, (cleanup) => measureSecurity(output, cleanup));
    return;
  }
  for (const profile of options.profiles) {
    if (profile === "redis" && options.redisServer === null) {
      output.note("redis: skipped, redis-server is not installed");
      continue;
    }
    await runInterruptibly(output, (cleanup) => runProfile(profile, options, output, cleanup));
  }
}

/** What `work` started is stopped at its end, at its failure and at an interruption. */
async function runInterruptibly(
  output: BenchOutput,
  work: (cleanup: AsyncDisposableStack) => Promise<void>,
): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const stopEarly = Promise.withResolvers<never>();
  stopEarly.promise.catch(() => {});
  const onAbort = () => stopEarly.reject(output.signal.reason);
  output.signal.addEventListener("abort", onAbort);
  cleanup.defer(() => output.signal.removeEventListener("abort", onAbort));
  output.signal.throwIfAborted();
  await Promise.race([work(cleanup), stopEarly.promise]);
}

async function measureSecurity(output: BenchOutput, cleanup: AsyncDisposableStack): Promise<void> {
  output.note("\nsecurity: starting PostgreSQL, api, worker and scheduler");
  const servers = await startServers(null, cleanup);
  const roles = await startRoles(servers, null, cleanup, PROXY_ENVIRONMENT);
  const target = openTarget(roles, servers, cleanup);
  for (const measure of [measureLoginStorm, measureLoginTiming]) {
    for (const line of await measure(target)) {
      output.note(`security: ${line.name} = ${line.value} ${line.unit}`);
      output.print({ ...line, profile: "embedded", command: "npm run bench -- --security" });
    }
  }
}

async function runProfile(
  profile: Profile,
  options: BenchOptions,
  output: BenchOutput,
  cleanup: AsyncDisposableStack,
): Promise<void> {
  output.note(`\n${profile}: starting PostgreSQL${profile === "redis" ? " and Redis" : ""}`);
  const servers = await startServers(profile === "redis" ? options.redisServer : null, cleanup);
  const measureOwn = findOwnRun(options);
  if (measureOwn === null) await measureAll(profile, options, servers, output, cleanup);
  else {
    const note = (line: string) => output.note(`${profile}: ${line}`);
    const { command, lines } = await measureOwn(servers, cleanup, note);
    for (const line of lines) {
      note(`${line.name} = ${line.value} ${line.unit}`);
      output.print({ ...line, profile, command: `npm run bench -- --profile ${profile} ${command}` });
    }
  }
}

async function measureAll(
  profile: Profile,
  options: BenchOptions,
  servers: Servers,
  output: BenchOutput,
  cleanup: AsyncDisposableStack,
): Promise<void> {
  const printerFor =
    (name: Name): Print =>
    (measurement) => {
      const rows = name === "audit" ? ` --audit-rows ${options.auditRows}` : "";
      const command = `npm run bench -- --profile ${profile} --only ${name} --seconds ${options.seconds}${rows}`;
      output.note(`${profile}: ${measurement.name} = ${measurement.value} ${measurement.unit}`);
      output.print({ ...measurement, profile, command });
    };
  // The closed loop is measured against it, so it is measured for both.
  const wantsRates = options.names.includes("bullmq") || options.names.includes("closed-loop");
  const rates = wantsRates ? await measureBullmq(servers, cleanup) : null;
  if (rates && options.names.includes("bullmq")) for (const line of rates.lines) printerFor("bullmq")(line);
  if (options.names.includes("audit")) {
    const note = (line: string) => output.note(`${profile}: ${line}`);
    const { auditRows: rows, seconds } = options;
    for (const line of await measureAudit(servers, { rows, seconds, note })) printerFor("audit")(line);
  }
  if (options.names.includes("scripts"))
    for (const line of await measureScripts()) printerFor("scripts")(line);
  if (options.names.every((name) => ALONE.has(name))) return;

  output.note(`${profile}: starting api, worker and scheduler`);
  const roles = await startRoles(servers, options.cpuProfiles, cleanup);
  const platform = await connectUsers(roles, servers, cleanup);
  for (const name of options.names) {
    for (const line of await measureOne(name, platform, options, rates)) printerFor(name)(line);
  }
}

async function measureOne(
  name: Name,
  platform: PlatformUnderLoad,
  { seconds }: BenchOptions,
  rates: BullmqRates | null,
): Promise<Measurement[]> {
  switch (name) {
    case "bullmq":
    case "audit":
    case "scripts":
    case "memory":
    case "second-worker":
    case "schedules":
      return [];
    case "closed-loop": {
      const lines = await measureClosedLoop(platform, seconds);
      return rates === null ? lines : [...lines, ...compare(lines, rates)];
    }
    case "batch":
      return measureBatch(platform);
    case "fairness":
      return measureFairness(platform, seconds);
    case "wait":
      return measureWait(platform);
    case "chain":
      return measureChain(platform);
    case "for-each":
      return measureForEach(platform);
  }
}

/** How much of what the bare queue could do is left once everything is durable, authorised and audited. */
function compare(lines: readonly Measurement[], rates: BullmqRates): Measurement[] {
  const executions = lines.find((line) => line.name === "closed-loop executions")?.value ?? 0;
  const slower = Math.min(rates.add, rates.process);
  const share = (of: number) => ({ unit: "ratio", value: round(executions / of) }) as const;
  return [
    {
      name: "executions / BullMQ add and process at once",
      ...share(rates.together),
      executions,
      jobs: rates.together,
    },
    { name: "executions / BullMQ min(add, process)", ...share(slower), executions, jobs: slower },
  ];
}
