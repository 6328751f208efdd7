// `npm run bench`: measures the whole platform and, in the same run, BullMQ alone; JSON lines on stdout, notes on stderr.
import { parseArguments } from "./bench/parse-arguments.ts";
import { runBench } from "./bench/run-bench.ts";

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => interrupted.abort(new Error("interrupted")));
}

try {
  await runBench(parseArguments(process.argv.slice(2), process.env), {
    signal: interrupted.signal,
    print: (measurement) => console.log(JSON.stringify(measurement)),
    note: (line) => console.error(line),
  });
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exitCode = 1;
}
