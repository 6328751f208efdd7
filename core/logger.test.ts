// What a log line says of an error: one short line where the stack tells nothing, everything where it does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createApiKey, hintOf } from "./crypto/api-keys.ts";
import { AppError } from "./domain/app-error.ts";
import { createLogger, type Logger } from "./logger.ts";

type Level = "warn" | "error" | "fatal";

function logged(write: (logger: Logger) => void, level = "info"): Record<string, unknown> {
  const lines: string[] = [];
  write(createLogger("test", level, { write: (line) => void lines.push(line) }));
  assert.equal(lines.length, 1);
  return JSON.parse(lines[0] ?? "");
}

const failure = (err: unknown, level: Level, loggerLevel?: string) =>
  logged((logger) => logger[level]({ err, id: 7 }, "it happened"), loggerLevel);

const hasStack = (line: object) => /\\n\s+at /.test(JSON.stringify(line));

const coded = (message: string, code: string) => Object.assign(new Error(message), { code });

const LOST = [
  new AppError("database_unavailable", "no answer", { cause: new Error("Connection terminated") }),
  coded("terminating connection due to administrator command", "57P01"),
  coded("", "ECONNREFUSED"),
  coded("read ECONNRESET", "ECONNRESET"),
  new Error("Connection terminated unexpectedly"),
  new Error("Connection is closed."),
];

for (const err of LOST) {
  test(`a warning of ${err.message || "an error without a text"} has its reason and code, no stack`, () => {
    const line = failure(err, "warn");
    assert.equal(hasStack(line), false);
    assert.equal(line.err, undefined);
    assert.equal(line.reason, err.message || "ECONNREFUSED");
    assert.equal(line.code, "code" in err ? err.code : undefined);
    assert.deepEqual([line.id, line.msg], [7, "it happened"]);
  });
}

test("a fatal AppError is one readable line with its problems and its cause", () => {
  const problems = [{ path: "PORT", message: "too big" }];
  const line = failure(
    new AppError("invalid_config", "not complete", { problems, cause: new Error("deep") }),
    "fatal",
  );
  assert.equal(hasStack(line), false);
  const { reason, code, cause } = line;
  assert.deepEqual(
    { reason, code, cause },
    { reason: "not complete", code: "invalid_config", cause: "deep" },
  );
  assert.deepEqual(line.problems, problems);
});

test("the stack is there at debug level, at level error, and for faults of our own", () => {
  const lost = new AppError("database_unavailable", "no answer");
  assert.equal(hasStack(failure(lost, "fatal", "debug")), true);
  assert.equal(hasStack(failure(lost, "warn", "debug")), true);
  assert.equal(hasStack(failure(lost, "error")), true);
  assert.equal(hasStack(failure(new TypeError("x is not a function"), "warn")), true);
  assert.equal(hasStack(failure(new TypeError("x is not a function"), "fatal")), true);
  assert.equal(hasStack(failure(coded("bad argument", "ERR_INVALID_ARG_TYPE"), "fatal")), true);
  assert.equal(hasStack(failure(coded("relation does not exist", "42P01"), "fatal")), true);
});

test("a child shortens too; lines without an error stay, secrets are redacted", () => {
  const child = logged((logger) => logger.child({ part: "a" }).warn({ err: LOST[1] }, "lost"));
  assert.deepEqual([hasStack(child), child.part, child.code], [false, "a", "57P01"]);
  assert.equal(logged((logger) => logger.info("plain")).msg, "plain");
  assert.equal(logged((logger) => logger.info({ token: "t" }, "x")).token, "[redacted]");
  assert.equal(logged((logger) => logger.info("%s of %d", "one", 2)).msg, "one of 2");
});

test("an API key is cut out wherever it stands in a line, its hint stays", () => {
  const key = createApiKey();
  const line = logged((logger) =>
    logger.error(
      { err: new Error(`bad header Bearer ${key}`), list: [key], hint: hintOf(key) },
      `got ${key}`,
    ),
  );
  const text = JSON.stringify(line);
  assert.equal(text.includes(key.slice(0, 20)), false, text);
  assert.equal(line.msg, "got atl_[redacted]");
  assert.equal(line.hint, hintOf(key));
});
