// Evaluates one job with JSONata, inside the isolated process; the answer is JSON text or a plain description of a fault.

import jsonata from "jsonata";
import { AppError } from "#core/domain/app-error.ts";
import { failedError, limitError } from "./expression-errors.ts";
import { pinGlobals } from "./pinned-globals.ts";
import { LinearRegex } from "./regex-engine.ts";
import { writeJson } from "./write-json.ts";

/** `scope` is the part the expression mentions; `startedAt` is in epoch milliseconds. */
export type IsolateJob = {
  readonly source: string;
  readonly scope: Readonly<Record<string, unknown>>;
  readonly startedAt: number;
  readonly seed: string;
  readonly maxOutputBytes: number;
};

/** `json` is missing when the value is undefined. */
export type IsolateReply =
  | { readonly ok: true; readonly json?: string }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly details: object };

const MAX_CACHED = 300;
const MAX_CACHED_LENGTH = 4_000;
const MAX_MESSAGE = 500;
// JSONata marks its own functions and tuple streams with these keys, and would run data that carries them.
const RESERVED_KEYS = ["_jsonata_lambda", "_jsonata_function", "tupleStream"];
// JSONata's own limits and stack overflows, which are limits of ours too.
const LIMIT_CODES: Readonly<Record<string, "depth" | "time" | "sequence">> = {
  D1011: "depth",
  D1012: "time",
  D2014: "sequence",
  D2015: "sequence",
};

/** Keeps the 300 last compiled short expressions, so that a loop over items does not parse each time. */
export function createIsolate(): (job: IsolateJob) => Promise<IsolateReply> {
  const cache = new Map<string, jsonata.Expression>();
  return async (job) => {
    try {
      refuseReserved(job.scope);
      const expression = compileCached(cache, job.source);
      pinGlobals(job.startedAt, job.seed);
      const value: unknown = await expression.evaluate(job.scope);
      const json = writeJson(value, { maxBytes: job.maxOutputBytes });
      return json === undefined ? { ok: true } : { ok: true, json };
    } catch (error) {
      return toReply(error);
    }
  };
}

function compileCached(cache: Map<string, jsonata.Expression>, source: string): jsonata.Expression {
  const cached = cache.get(source);
  if (cached !== undefined) return cached;
  const expression = jsonata(source, { RegexEngine: LinearRegex as unknown as RegExpConstructor });
  // The save-time check refuses it already; this is for a name that is built some day in another way.
  expression.registerFunction("eval", () => {
    throw failedError("T1006", "$eval is not available");
  });
  if (source.length <= MAX_CACHED_LENGTH) {
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(source, expression);
  }
  return expression;
}

/** Walks without recursion: data may be nested deeper than a stack. */
function refuseReserved(scope: unknown): void {
  const open: unknown[] = [scope];
  for (let value = open.pop(); value !== undefined || open.length > 0; value = open.pop()) {
    if (typeof value !== "object" || value === null) continue;
    if (Array.isArray(value)) {
      for (const member of value) if (typeof member === "object") open.push(member);
      continue;
    }
    for (const key of Object.keys(value)) {
      if (RESERVED_KEYS.includes(key)) {
        throw failedError("D1013", `The data has a key that JSONata reserves for itself: ${key}`);
      }
      const member: unknown = Reflect.get(value, key);
      if (typeof member === "object") open.push(member);
    }
  }
}

function toReply(error: unknown): IsolateReply {
  const fault = toAppError(error);
  return { ok: false, code: fault.code, message: fault.message, details: fault.details };
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof RangeError) {
    // "Invalid string length" is the other RangeError there is: a text of more than 512 MB.
    return error.message.includes("call stack")
      ? limitError("depth", "The expression calls itself too deeply")
      : limitError("memory", "The expression builds a value that is too large");
  }
  const { code, message, position } = (error ?? {}) as Record<string, unknown>;
  const text = String(message ?? "The expression failed").slice(0, MAX_MESSAGE);
  const limit = typeof code === "string" ? LIMIT_CODES[code] : undefined;
  if (limit !== undefined) return limitError(limit, text);
  const known = typeof code === "string" ? code : "D0000";
  return failedError(known, text, typeof position === "number" ? position : undefined);
}
