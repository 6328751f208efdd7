// Runs a command as people do, as a process of its own.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "./child-environment.ts";
import { endWithProcess } from "./end-with-process.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export type ScriptResult = { code: number | null; out: string; err: string };

/** `script` is a file below scripts; of the environment of the tests it gets childEnvironment() alone. */
export function startScript(
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): ChildProcessWithoutNullStreams {
  const environment = { ...childEnvironment(), ...env };
  return endWithProcess(
    spawn(process.execPath, [`scripts/${script}`, ...args], { cwd: ROOT, env: environment }),
  );
}

export function runScript(
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<ScriptResult> {
  return new Promise((resolve, reject) => {
    const child = startScript(script, args, env);
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
  });
}
