import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalPattern, isHostAllowed, showTarget, targetOf } from "./host-binding.ts";

const allows = (pattern: string, url: string) => {
  const target = targetOf(url);
  return target !== undefined && isHostAllowed([canonicalPattern(pattern) ?? assert.fail(pattern)], target);
};

test("a host stands for itself at its protocol's usual port, whatever the spelling", () => {
  for (const url of [
    "https://api.example.com/x",
    "https://API.example.COM./",
    "https://api.example.com:443/",
    "postgres://u:p@api.example.com/db",
    "postgres://u:p@api.example.com:5432/db",
  ]) {
    assert.ok(allows("Api.Example.com", url), url);
  }
  for (const url of [
    "https://api.example.com:8443/",
    "https://api.example.com:80/",
    "https://xapi.example.com/",
    "https://example.com/",
    "https://api.example.com.evil.test/",
    "https://evil.test/api.example.com",
    "https://evil.test#@api.example.com",
    "ftp://api.example.com/",
    "nonsense",
  ]) {
    assert.ok(!allows("api.example.com", url), url);
  }
});

test("a port given is the only port", () => {
  assert.ok(allows("api.example.com:8443", "https://api.example.com:8443/"));
  assert.ok(allows("api.example.com:443", "https://api.example.com/"));
  assert.ok(!allows("api.example.com:443", "http://api.example.com/"));
  assert.ok(!allows("api.example.com:8443", "https://api.example.com/"));
});

test("S32: a host alone is reached over TLS; in the clear only where somebody wrote the port down", () => {
  for (const pattern of ["api.example.com", "*.example.com"]) {
    assert.ok(!allows(pattern, "http://api.example.com/"), pattern);
    assert.ok(allows(`${pattern}:80`, "http://api.example.com/"), pattern);
  }
  assert.equal(showTarget(targetOf("http://api.example.com/") ?? assert.fail()), "api.example.com:80");
});

test("*.domain is every name below it and not the domain", () => {
  assert.ok(allows("*.example.com", "https://a.b.example.com/"));
  assert.ok(!allows("*.example.com", "https://example.com/"));
  assert.ok(!allows("*.example.com", "https://badexample.com/"));
  assert.ok(allows("*.example.com:8443", "https://a.example.com:8443/"));
  assert.ok(!allows("*.example.com", "https://a.example.com:8443/"));
});

test("addresses have one spelling, and * is everything", () => {
  assert.ok(allows("127.1:8080", "http://127.0.0.1:8080/"));
  assert.ok(allows("127.0.0.1:8080", "http://2130706433:8080/"));
  assert.ok(allows("[0:0::1]:80", "http://[::1]/"));
  assert.ok(allows("[::1]", "https://[::1]/"));
  assert.ok(!allows("[::1]", "https://[::1]:81/"));
  assert.ok(allows("münchen.example", "https://xn--mnchen-3ya.example/"));
  assert.ok(allows("*", "https://anything.test:9999/"));
});

test("what is no pattern is none", () => {
  for (const text of [
    "",
    "https://api.example.com",
    "a.example.com/path",
    "a.*.com",
    "*example.com",
    "*.0.0.1",
    "*.*",
    "**",
    "host:0",
    "host:65536",
    "host:x",
    "a b.com",
    "user@host",
    "::1",
    "x".repeat(300),
  ]) {
    assert.equal(canonicalPattern(text), undefined, text);
  }
});

test("no patterns allow nothing", () => {
  assert.equal(isHostAllowed([], { host: "a", port: 443, isUsual: true }), false);
});
