// Looks for the programs that some tests need and tells the tests where they are.
import { accessSync, constants } from "node:fs";
import path from "node:path";

const wanted = [
  { variable: "TEST_REDIS_SERVER", names: ["redis-server", "valkey-server"] },
  { variable: "TEST_CHROMIUM", names: ["chromium", "chromium-browser", "google-chrome"] },
];

/** Sets the variables in `env` that are not set yet; returns a line for each program that is missing. */
export function findPrograms(env: NodeJS.ProcessEnv): string[] {
  const folders = (env.PATH ?? "").split(path.delimiter);
  const lines: string[] = [];
  for (const { variable, names } of wanted) {
    if (env[variable]) continue;
    const places = names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
    const found = places.find(isProgram);
    if (found !== undefined) env[variable] = found;
    else lines.push(`${names[0]} is not on the PATH: the tests that need it are skipped`);
  }
  return lines;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
