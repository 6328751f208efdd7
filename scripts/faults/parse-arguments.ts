// What the fault suite is asked to do.
import { parseArgs } from "node:util";

export type FaultOptions = {
  /** Of the first round; each further one takes the next. */
  seed: number;
  /** Everything runs once; then storms until the time is up. */
  minutes: number;
  mutants: boolean;
  /** Parts of file names; none: all. Of mutants: parts of their names. */
  filters: readonly string[];
};

const usage = "Usage: npm run faults -- [--seed N] [--minutes M] [--mutants] [PART-OF-A-NAME …]";

/** Throws with a message for people. */
export function parseArguments(args: string[]): FaultOptions {
  const { values, positionals } = read(args);
  const seed = values.seed === undefined ? 1 + Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const minutes = Number(values.minutes);
  if (!(Number.isInteger(seed) && seed > 0) || !(minutes >= 0)) throw new Error(usage);
  return { seed, minutes, mutants: values.mutants, filters: positionals };
}

function read(args: string[]) {
  const options = {
    seed: { type: "string" },
    minutes: { type: "string", default: "0" },
    mutants: { type: "boolean", default: false },
  } as const;
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${usage}`, { cause });
  }
}
