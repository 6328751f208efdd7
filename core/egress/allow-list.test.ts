// The operator's exceptions: exact pairs, any spelling of the host, no wildcards.
import assert from "node:assert/strict";
import test from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import { canonicalHost, parseAllowList } from "./allow-list.ts";

test("an entry matches its host in any spelling and exactly its port", () => {
  const list = parseAllowList(["127.0.0.1:8080", "[::1]:9000", "Printer.Office:631", " db_1:5432 "]);
  assert.equal(list.has("127.0.0.1", 8080), true);
  assert.equal(list.has("[::ffff:127.0.0.1]", 8080), true);
  assert.equal(list.has("0x7f.1", 8080), true);
  assert.equal(list.has("127.0.0.1", 8081), false);
  assert.equal(list.has("127.0.0.2", 8080), false);
  assert.equal(list.has("0:0:0:0:0:0:0:1", 9000), true);
  assert.equal(list.has("printer.office.", 631), true);
  assert.equal(list.has("evil.printer.office", 631), false);
  assert.equal(list.has("db_1", 5432), true);
});

test("an empty list allows nothing, not even what is no host", () => {
  const list = parseAllowList([]);
  assert.equal(list.has("", 80), false);
  assert.equal(list.has("not a host", 80), false);
});

for (const entry of [
  "*:80",
  "10.0.0.0/8:80",
  "host",
  "host:",
  "host:0",
  "host:65536",
  "host:80x",
  ":80",
  "::1:80",
  "u@host:80",
  "http://host:80",
  "host:80:90",
  "",
]) {
  test(`the entry ${JSON.stringify(entry)} is refused by name, beside a good one`, () => {
    assert.throws(
      () => parseAllowList(["fine:80", entry]),
      (error) =>
        error instanceof AppError &&
        error.code === "invalid_config" &&
        error.problems.length === 1 &&
        error.problems[0]?.path === entry,
    );
  });
}

test("what could smuggle a second host into a name is no host", () => {
  for (const raw of [
    "",
    " ",
    "a/b",
    "a\\b",
    "a@b",
    "a:1",
    "a?b",
    "a#b",
    "[a]",
    "a%2fb",
    "a\tb",
    "/run/x.sock",
  ]) {
    assert.equal(canonicalHost(raw), undefined, raw);
  }
});
