import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeRunners } from "../runners.ts";
import { testContext } from "../test-context.ts";

const run = (config: unknown) => nodeRunners.get("flow.respond")?.(config, testContext());

test("puts out the answer as it will go out", () => {
  assert.deepEqual(run({}), { kind: "output", output: { status: 200, headers: {}, body: null } });
  const config = { status: 422, headers: { "X-Custom-Order": "7" }, body: { ok: false } };
  assert.deepEqual(run(config), { kind: "output", output: config });
});

test("A52: neither cookies nor anything browsers and proxies obey can be set", () => {
  for (const name of [
    "Set-Cookie",
    "Access-Control-Allow-Origin",
    "Location",
    "Content-Security-Policy",
    "Content-Disposition",
    "Transfer-Encoding",
    "Connection",
    "Strict-Transport-Security",
    "WWW-Authenticate",
    "Clear-Site-Data",
    "X-Frame-Options",
    "x-content-type-options",
    "X-Accel-Redirect",
    "X-Sendfile",
    "X-Lighttpd-Send-File",
    "X-LiteSpeed-Location",
    "X-Reproxy-URL",
    "X-Envoy-Original-Path",
    "X-Anything",
    "x-hook-",
    "x y",
  ]) {
    assert.throws(() => run({ headers: { [name]: "1" } }), { code: "invalid_config" }, name);
  }
  for (const value of ["a\r\nset-cookie: x=1", "é", 5, "x".repeat(1_001)]) {
    assert.throws(() => run({ headers: { "x-hook-a": value } }), { code: "invalid_config" }, String(value));
  }
  assert.throws(() => run({ headers: { "X-Hook-A": "1", "x-hook-a": "2" } }), { code: "invalid_config" });
});

test("a status is final and no redirect", () => {
  for (const status of [101, 199, 301, 302, 308, 600, 200.5, Number.NaN]) {
    assert.throws(() => run({ status }), { code: "invalid_config" }, String(status));
  }
});
