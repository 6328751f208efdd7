// The ways a script can end badly, as plain replies with codes, places and no word about the host.

import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten";
import type { ScriptFault, ScriptLimit, ScriptReply } from "./script-job.ts";

export type ScriptOutcome = {
  state: string;
  name: string;
  message: string;
  stack: string;
  /** What it wrote to the console, at most 8,000 characters; `dropped` counts the lines beyond. */
  log: string;
  dropped: number;
};

const MAX_MESSAGE = 500;
const LIMITS: Readonly<Record<ScriptLimit, string>> = {
  time: "The script took longer than it may; its timeoutMs can be up to 60000",
  memory: "The script needed more than 64 MB of memory",
  depth: "The script, or a value in it, is nested too deeply",
  jobs: "The script awaits more than 1,000,000 times",
  data: "The data that the script reads is larger than 8 MB of JSON; mention fewer nodes",
};

/** The process has run into something that may have left traces in it: it is replaced. */
export function limitReply(limit: ScriptLimit): ScriptReply {
  return { kind: "error", code: "script_limit", message: LIMITS[limit], details: { limit }, spent: true };
}

export function failedReply(outcome: ScriptOutcome): ScriptReply {
  const { name, message, stack } = outcome;
  const limit = limitOf(name, message);
  if (limit !== undefined) return limitReply(limit);
  const place = placeOf(stack);
  const what = `${clean(name, 100)}: ${clean(message, MAX_MESSAGE)}`;
  const where = place === undefined ? "" : ` (line ${place.line}, column ${place.column})`;
  return errorReply("script_failed", `${what}${where}`, {
    name: clean(name, 100),
    ...place,
    ...consoleOf(outcome),
  });
}

/** QuickJS's own words; a script that throws the like itself gets what it says. */
function limitOf(name: string, message: string): ScriptLimit | undefined {
  if (name !== "InternalError") return undefined;
  if (message === "stack overflow") return "depth";
  return message === "out of memory" || message === "string too long" ? "memory" : undefined;
}

/** It ended neither way: what it awaits never comes, or the memory did not even last for its error. */
export function stuckReply(outcome: ScriptOutcome): ScriptReply {
  const message = "The script awaits a promise that nothing will ever settle";
  return errorReply("script_stuck", message, consoleOf(outcome));
}

export function outputReply(
  code: "output_too_large" | "invalid_output",
  outcome: ScriptOutcome,
): ScriptReply {
  const message =
    code === "output_too_large"
      ? "The script's result is larger than 1 MB of JSON: keep bigger things as files"
      : "The script's result is a function or a symbol, which JSON does not have";
  return errorReply(code, message, consoleOf(outcome));
}

export function syntaxReply(context: QuickJSContext, error: QuickJSHandle, source: string): ScriptReply {
  const fault = readFault(context, error, source);
  return errorReply("script_syntax", fault.message, { line: fault.line, column: fault.column });
}

/** `message` ends with the place. */
export function readFault(context: QuickJSContext, error: QuickJSHandle, source: string): ScriptFault {
  const text = (key: string) => context.getString(context.getProp(error, key));
  return describeFault(clean(text("message"), MAX_MESSAGE), placeOf(text("stack")), source);
}

type Place = { line: number; column: number };

/** A place behind the end is the frame around the script, which wanted more of it. */
export function describeFault(
  message: string,
  place: Place = { line: 1, column: 1 },
  source: string,
): ScriptFault {
  const lines = source.split("\n");
  const isBehind = place.line > lines.length;
  const line = isBehind ? lines.length : place.line;
  const column = isBehind ? (lines.at(-1) ?? "").length + 1 : place.column;
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  const what = isBehind ? `the script ends too early, or a bracket is not closed: ${message}` : message;
  const position = Math.min(before + column - 1, source.length);
  return { message: `${what} (line ${line}, column ${column})`, line, column, position };
}

/** Of the first line of the stack that lies in the script; the line before the script is the wrapper's. */
function placeOf(stack: string): Place | undefined {
  const found = /\bscript\.js:(\d{1,7})(?::(\d{1,7}))?/.exec(stack);
  return found === null
    ? undefined
    : { line: Math.max(1, Number(found[1]) - 1), column: Number(found[2] ?? 1) };
}

function consoleOf({ log, dropped }: ScriptOutcome): Record<string, unknown> {
  return {
    ...(log === "" ? {} : { console: log }),
    ...(dropped === 0 ? {} : { consoleLinesDropped: dropped }),
  };
}

function errorReply(code: string, message: string, details: Record<string, unknown>): ScriptReply {
  return { kind: "error", code, message, details, spent: false };
}

function clean(text: string, length: number): string {
  return text.slice(0, length).toWellFormed().replaceAll("\u0000", "\u2400");
}
