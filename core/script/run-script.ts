// Runs one script in one engine to its end, inside the sandbox process; every way to end becomes a plain reply.

import type { QuickJSContext, QuickJSHandle, QuickJSRuntime } from "quickjs-emscripten";
import { createRandomState } from "#core/sandbox/random-state.ts";
import { PRELUDE, SCRIPT_FILE, wrapScript } from "./prelude.ts";
import type { ScriptEngine } from "./script-engine.ts";
import {
  failedReply,
  limitReply,
  outputReply,
  type ScriptOutcome,
  stuckReply,
  syntaxReply,
} from "./script-errors.ts";
import type { RunScriptJob, ScriptReply } from "./script-job.ts";

const MEMORY_BYTES = 64 * 1024 * 1024;
// 1,500 frames of plain recursion; the stack of WebAssembly itself ends behind it.
const STACK_BYTES = 256 * 1024;
/** Jobs are what follows an await or a then. Each waits in memory, so 64 MB bound how many wait at once. */
const MAX_JOBS = 1_000_000;
const JOBS_PER_TURN = 1_000;

type Run = { readonly context: QuickJSContext; readonly runtime: QuickJSRuntime; isOver(): boolean };

/** Never throws. Neither handles nor the runtime are given back: the engine is dropped before they fill its memory. */
export function runScript(engine: ScriptEngine, job: RunScriptJob): ScriptReply {
  try {
    const reply = evaluate(openRun(engine, job.timeoutMs), job);
    return ranOut(engine, reply) ? limitReply("memory") : reply;
  } catch (error) {
    // The engine itself ended: its own stack, or its memory, in the middle of native code.
    return error instanceof RangeError ? limitReply("depth") : limitReply("memory");
  }
}

/**
 * Out of memory there is none left for the error's words either: it is null. And a promise nobody looks at breaks off
 * unheard, so that what the script returned is not all that it was to do.
 */
function ranOut(engine: ScriptEngine, reply: ScriptReply): boolean {
  if (reply.kind === "value") return engine.isFull();
  const isSpeechless =
    reply.kind === "error" && reply.code === "script_failed" && reply.message.startsWith("Error: null");
  return isSpeechless && engine.memoryBytes() >= MEMORY_BYTES;
}

export function openRun({ quickJs }: ScriptEngine, timeoutMs: number): Run {
  const runtime = quickJs.newRuntime();
  runtime.setMemoryLimit(MEMORY_BYTES);
  runtime.setMaxStackSize(STACK_BYTES);
  const deadline = performance.now() + timeoutMs;
  let isOver = false;
  // Asked every 10,000 steps or so of the interpreter and of its regular expressions. One thread runs the script, so
  // its processor time cannot be more than this. What loops inside one built-in function is ended from outside.
  runtime.setInterruptHandler(() => {
    isOver ||= performance.now() > deadline;
    return isOver;
  });
  return { context: runtime.newContext(), runtime, isOver: () => isOver };
}

function evaluate(run: Run, job: RunScriptJob): ScriptReply {
  const { context } = run;
  const script = context.evalCode(wrapScript(job.source), SCRIPT_FILE, { strict: true });
  if (script.error) return run.isOver() ? limitReply("time") : syntaxReply(context, script.error, job.source);
  const prelude = context.unwrapResult(context.evalCode(PRELUDE, "prelude.js", { strict: true }));
  const state = context.newNumber(createRandomState(job.seed));
  const startedAt = context.newNumber(job.startedAt);
  const made = context.callFunction(
    prelude,
    context.undefined,
    startedAt,
    state,
    context.newString(job.data),
  );
  // The data did not fit.
  if (made.error) return run.isOver() ? limitReply("time") : limitReply("memory");
  const outcome = context.getProp(made.value, "outcome");
  const started = context.callFunction(context.getProp(made.value, "run"), context.undefined, script.value);
  const limit = started.error ? null : runJobs(run);
  if (run.isOver()) return limitReply("time");
  if (limit) return limitReply(limit);
  return conclude(context, outcome, job);
}

/** Until none is left, or a bound is hit: which one, when it was not the time. */
function runJobs({ runtime, isOver }: Run): "memory" | "jobs" | null {
  let count = 0;
  while (runtime.hasPendingJob() && !isOver() && count <= MAX_JOBS) {
    const ran = runtime.executePendingJobs(JOBS_PER_TURN);
    // A job that ends with an error nobody can catch: out of time, or out of memory for the error itself.
    if (ran.error) return "memory";
    count += ran.value;
  }
  return count > MAX_JOBS ? "jobs" : null;
}

function conclude(context: QuickJSContext, outcome: QuickJSHandle, job: RunScriptJob): ScriptReply {
  const read = readOutcome(context, outcome);
  if (read.state === "failed") return failedReply(read);
  if (read.state !== "done") return stuckReply(read);
  const text = context.getProp(outcome, "text");
  if (context.typeof(text) !== "string") return outputReply("invalid_output", read);
  // Asked before it is copied out: the copy of a text of 60 MB would not fit.
  const length = context.getNumber(context.getProp(text, "length"));
  if (length > job.maxOutputBytes) return outputReply("output_too_large", read);
  const json = context.getString(text);
  if (Buffer.byteLength(json) > job.maxOutputBytes) return outputReply("output_too_large", read);
  return { kind: "value", json, spent: false };
}

function readOutcome(context: QuickJSContext, outcome: QuickJSHandle): ScriptOutcome {
  const text = (key: string) => context.getString(context.getProp(outcome, key));
  return {
    state: text("state"),
    name: text("name"),
    message: text("message"),
    stack: text("stack"),
    log: text("log"),
    dropped: context.getNumber(context.getProp(outcome, "dropped")),
  };
}
