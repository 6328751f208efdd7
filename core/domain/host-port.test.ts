// Pairs an operator may write, and what only looks like one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostPort } from "./host-port.ts";

test("a name, an IPv4 address or an IPv6 address in brackets, and a port", () => {
  assert.deepEqual(parseHostPort("db_1.Office:631"), { host: "db_1.Office", port: 631 });
  assert.deepEqual(parseHostPort("127.0.0.1:1"), { host: "127.0.0.1", port: 1 });
  assert.deepEqual(parseHostPort("[::1]:65535"), { host: "[::1]", port: 65_535 });
});

test("what is no host or no port is none", () => {
  for (const entry of [
    "",
    "host",
    "host:0",
    "host:65536",
    "*:80",
    "::1:80",
    "999.1.1.1:80",
    "[::1::]:80",
    "a@b:80",
  ]) {
    assert.equal(parseHostPort(entry), undefined, entry);
  }
});
