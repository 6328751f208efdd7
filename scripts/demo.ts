// `npm run demo`: a purchase order on a running server, over HTTP only, followed live to its result.
import { parseArguments } from "./demo/parse-arguments.ts";
import { runDemo } from "./demo/run-demo.ts";

const say = (line: string) => console.log(line);

try {
  const options = parseArguments(process.argv.slice(2), process.env);
  process.exitCode = (await runDemo(options, say)) ? 0 : 1;
} catch (error) {
  console.error(`\n${(error as Error).message}\n`);
  process.exitCode = 1;
}
