// `npm run faults`: every fault there is, with a seed, for as long as asked; or every mutant, each of which must be noticed.

import { parseArguments } from "./faults/parse-arguments.ts";
import { runFaults, runMutants } from "./faults/run-faults.ts";

try {
  const options = parseArguments(process.argv.slice(2));
  const well = options.mutants ? await runMutants(options) : await runFaults(options);
  process.exitCode = well ? 0 : 1;
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exitCode = 1;
}
