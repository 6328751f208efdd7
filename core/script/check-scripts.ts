// Compiles scripts without running them, inside the sandbox process: what is wrong with each, and where.

import type { QuickJSContext } from "quickjs-emscripten";
import { checkFrames, SCRIPT_FILE } from "./prelude.ts";
import { openRun } from "./run-script.ts";
import type { ScriptEngine } from "./script-engine.ts";
import { limitReply, readFault } from "./script-errors.ts";
import type { CheckScriptsJob, ScriptFault, ScriptReply } from "./script-job.ts";

/** Never throws. One context for all: nothing of them runs. */
export function checkScripts(engine: ScriptEngine, { sources, timeoutMs }: CheckScriptsJob): ScriptReply {
  try {
    const { context } = openRun(engine, timeoutMs);
    return { kind: "faults", faults: sources.map((source) => findFault(context, source)), spent: false };
  } catch {
    return limitReply("depth");
  }
}

function findFault(context: QuickJSContext, source: string): ScriptFault | null {
  for (const frame of checkFrames(source)) {
    const compiled = context.evalCode(frame, SCRIPT_FILE, { strict: true, compileOnly: true });
    if (!compiled.error) {
      compiled.value.dispose();
      continue;
    }
    const fault = readFault(context, compiled.error);
    compiled.error.dispose();
    return { ...fault, position: positionOf(source, fault) };
  }
  return null;
}

function positionOf(source: string, { line, column }: { line: number; column: number }): number {
  const before = source.split("\n", line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  return Math.min(before + column - 1, source.length);
}
