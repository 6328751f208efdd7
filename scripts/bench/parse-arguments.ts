// What the bench is asked to measure, and for how long.
import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { NAMES, type Name, ON_REQUEST, PROFILES, type Profile } from "./measurement.ts";

export type BenchOptions = {
  profiles: readonly Profile[];
  names: readonly Name[];
  /** Length of the closed loop. */
  seconds: number;
  /** Where CPU profiles of api and worker go, null for none. */
  cpuProfiles: string | null;
  redisServer: string | null;
  /** Only what attackers would measure: login timing and a storm of logins. */
  security: boolean;
  /** Entries of the audit log that are searched; real figures need 5 million, which take minutes to write. */
  auditRows: number;
  /** Only what history costs: so many finished executions are filled in; 0 for no. */
  history: number;
  /** How many schedules fire. */
  schedules: number;
};

const usage =
  "Usage: npm run bench -- [--profile embedded|redis|both] [--seconds 1–1800] " +
  `[--only ${NAMES.join("|")}] [--cpu-profiles FOLDER] [--audit-rows N] [--schedules N] | --history N | --security`;

/** Throws with a message for people. */
export function parseArguments(args: string[], env: NodeJS.ProcessEnv): BenchOptions {
  const flags = readFlags(args);
  const seconds = Number(flags.seconds);
  const auditRows = Number(flags["audit-rows"]);
  const history = Number(flags.history);
  const schedules = Number(flags.schedules);
  const names = NAMES.filter((name) =>
    flags.only === undefined ? !ON_REQUEST.includes(name) : name === flags.only,
  );
  const profiles =
    flags.profile === "both" ? PROFILES : PROFILES.filter((profile) => profile === flags.profile);
  if (
    !(seconds >= 1 && seconds <= 1_800) ||
    names.length === 0 ||
    profiles.length === 0 ||
    !(schedules >= 100) ||
    !(auditRows >= 1_000) ||
    !(history === 0 || history >= 10_000)
  )
    throw new Error(usage);
  return {
    profiles,
    names,
    seconds,
    cpuProfiles: flags["cpu-profiles"] ?? null,
    redisServer: findProgram("redis-server", env),
    security: flags.security,
    auditRows,
    history,
    schedules,
  };
}

function readFlags(args: string[]) {
  const options = {
    profile: { type: "string", default: "both" },
    seconds: { type: "string", default: "10" },
    only: { type: "string" },
    "cpu-profiles": { type: "string" },
    "audit-rows": { type: "string", default: "100000" },
    history: { type: "string", default: "0" },
    schedules: { type: "string", default: "10000" },
    security: { type: "boolean", default: false },
  } as const;
  try {
    return parseArgs({ args, options, strict: true }).values;
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${usage}`, { cause });
  }
}

function findProgram(name: string, env: NodeJS.ProcessEnv): string | null {
  const folders = (env.PATH ?? "").split(path.delimiter).filter(Boolean);
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file)) ?? null;
}
