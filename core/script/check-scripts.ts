// Compiles scripts without running them, inside the sandbox process: what is wrong with each, and where.

import type { QuickJSContext } from "quickjs-emscripten";
import { checkFrames, SCRIPT_FILE } from "./prelude.ts";
import { openRun } from "./run-script.ts";
import type { ScriptEngine } from "./script-engine.ts";
import { describeFault, readFault } from "./script-errors.ts";
import type { CheckScriptsJob, ScriptFault, ScriptReply } from "./script-job.ts";

/** Never throws. One context for all: nothing of them runs. */
export function checkScripts(engine: ScriptEngine, { sources, timeoutMs }: CheckScriptsJob): ScriptReply {
  const faults: (ScriptFault | null)[] = sources.map(() => null);
  const { context } = openRun(engine, timeoutMs);
  for (const [index, source] of sources.entries()) {
    try {
      faults[index] = findFault(context, source);
    } catch {
      // The stack of WebAssembly ended. Nobody may use this engine again, so the others are judged the next time.
      faults[index] = describeFault("the script is nested too deeply", undefined, source);
      return { kind: "faults", faults, spent: true };
    }
  }
  return { kind: "faults", faults, spent: false };
}

function findFault(context: QuickJSContext, source: string): ScriptFault | null {
  for (const frame of checkFrames(source)) {
    const compiled = context.evalCode(frame, SCRIPT_FILE, { strict: true, compileOnly: true });
    const fault = compiled.error ? readFault(context, compiled.error, source) : null;
    (compiled.error ?? compiled.value).dispose();
    if (fault !== null) return fault;
  }
  return null;
}
