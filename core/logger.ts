// Structured logs: one JSON line per event on stdout, secrets redacted by key, API keys wherever they stand.
import { pino } from "pino";

export type Logger = pino.Logger;

const REDACTED_KEYS = [
  "password",
  "token",
  "secret",
  "authorization",
  "cookie",
  "accessToken",
  "refreshToken",
];

// Also the beginning of one that was cut off: 16 characters are more than the hint that is no secret.
const API_KEY = /atl_[\w-]{16,}/g;

// Lost, refused or unanswered connections: PostgreSQL's classes, system errors, and drivers' texts without a code.
const CONNECTION_CODE = /^((08|28|3D|53|57P)\w+|25P03|E(?!RR_)[A-Z_]+)$/;
const CONNECTION_TEXT =
  /^(Connection (terminated|is closed|ended)|Command timed out|Query read timeout|timeout exceeded when trying)/;

const ERROR = 50;
const FATAL = 60;

/** `level` is pino's; lines go to `destination`, default stdout. */
export function createLogger(role: string, level: string, destination?: pino.DestinationStream): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: { role, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED_KEYS.flatMap((key) => [key, `*.${key}`]), censor: "[redacted]" },
    hooks: {
      streamWrite: (line) => line.replaceAll(API_KEY, "atl_[redacted]"),
      logMethod(args, method, level) {
        const [facts, ...rest] = args as unknown as [unknown, ...string[]];
        // A restart of PostgreSQL loses some 20 connections in a second: one line each, not one stack each.
        const isShort = (level < ERROR || level === FATAL) && !this.isLevelEnabled("debug");
        method.apply(this, [isShort ? shorten(facts) : facts, ...rest]);
      },
    },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** The same facts with reason, code and problems in place of an error whose stack tells nothing; others stay. */
function shorten(facts: unknown): unknown {
  if (typeof facts !== "object" || facts === null || !("err" in facts)) return facts;
  const { err, ...others } = facts;
  if (!(err instanceof Error) || !isExpected(err)) return facts;
  const { problems, cause } = err as { problems?: readonly unknown[]; cause?: unknown };
  return {
    ...others,
    reason: reasonOf(err),
    code: codeOf(err),
    ...(problems?.length ? { problems } : {}),
    ...(cause instanceof Error ? { cause: reasonOf(cause) } : {}),
  };
}

function isExpected(error: Error): boolean {
  if (error.name === "AppError") return true;
  return CONNECTION_CODE.test(codeOf(error) ?? "") || CONNECTION_TEXT.test(error.message);
}

function codeOf(error: Error): string | undefined {
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Refusals by several addresses at once come without a message. */
function reasonOf(error: Error): string {
  return error.message || (codeOf(error) ?? error.name);
}
