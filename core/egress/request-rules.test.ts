// A43, A44: what may not stand in a URL, a method or a header.
import assert from "node:assert/strict";
import test from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import { parseHeaders, parseMethod, parseUrl } from "./request-rules.ts";

const hasCode = (code: string) => (error: unknown) =>
  error instanceof AppError && error.code === code && !error.retryable;
const isInvalid = hasCode("egress_invalid_request");

for (const url of [
  "http://ok@127.0.0.1/",
  "http://ok:pw@example.com/",
  "http://@example.com/",
  "http://:@example.com/",
  "  http://ok@example.com/",
  "http:/ok@example.com/",
  "http:example.com",
  "http:///example.com",
  "//example.com/",
  "/path",
  "example.com",
  "http://",
  "",
  "http://example.com\\@127.0.0.1/",
  "http:\\\\example.com/",
  "http://example.com/a\tb",
  "http://example.com/a\\b",
  "ht\ttp://example.com/",
  "http://example.com/\r\nX: y",
  "http://example.com/\0",
  "http://example.com/\u007f",
  "\u0001http://example.com/",
  "http://%2Fvar%2Frun%2Fdocker.sock/",
  "http://a b/",
  "http://[::1/",
  "http://[fe80::1%25lo]/",
  "http://1.2.3.4.5/",
  "http://256.1.1.1/",
  "http://example.com:65536/",
  `http://example.com/${"a".repeat(20_000)}`,
]) {
  test(`A43 the url ${JSON.stringify(url).slice(0, 60)} is refused`, () => {
    assert.throws(() => parseUrl(url), isInvalid);
  });
}

for (const url of [
  "file:///etc/passwd",
  "gopher://x/",
  "data:text/plain,x",
  "ftp://x/",
  "ws://x/",
  "unix:///x",
]) {
  test(`A42 the scheme of ${url} is refused`, () => {
    assert.throws(() => parseUrl(url), hasCode("egress_denied"));
  });
}

test("good urls pass, an at sign in path and query included", () => {
  assert.equal(parseUrl("HTTPS://Example.com/@me?q=a@b\\c#d").hostname, "example.com");
  assert.equal(parseUrl("http://bücher.example:8080/ä").host, "xn--bcher-kva.example:8080");
});

test("A43 control characters, spaces and non-tokens in a method are refused, tunnels as well", () => {
  for (const method of [
    "",
    "GET\r\nX: y",
    "GE\tT",
    "G T",
    "GÉT",
    "GET\0",
    "CONNECT",
    "connect",
    "TRACE",
    "track",
  ]) {
    assert.throws(() => parseMethod(method), isInvalid, JSON.stringify(method));
  }
  assert.equal(parseMethod("patch"), "PATCH");
});

test("A43 control characters in a header name or value are refused, and the value stays out of the message", () => {
  for (const bad of ["\r", "\n", "\0", "\t", "\u007f", "\u0085", "\u2028", "€"]) {
    assert.throws(
      () => parseHeaders({ "x-a": `hush${bad}b` }),
      (error) => isInvalid(error) && !String(error).includes("hush"),
      JSON.stringify(bad),
    );
    assert.throws(() => parseHeaders({ [`x${bad}a`]: "b" }), isInvalid, JSON.stringify(bad));
  }
  for (const name of ["", " ", "a b", "a:b", "a(b"])
    assert.throws(() => parseHeaders({ [name]: "b" }), isInvalid, name);
});

for (const name of [
  "Host",
  "Connection",
  "Content-Length",
  "Transfer-Encoding",
  "Upgrade",
  "TE",
  "Trailer",
  "Keep-Alive",
  "Expect",
  "HTTP2-Settings",
  "Proxy-Authorization",
  "Proxy-Connection",
  "pRoXy-Anything",
]) {
  test(`A44 the header ${name} cannot be overridden`, () => {
    assert.throws(() => parseHeaders({ accept: "a", [name]: "x" }), isInvalid);
    assert.throws(() => parseHeaders({ [name.toLowerCase()]: "x" }), isInvalid);
  });
}

test("A44 a header given twice in two spellings is refused", () => {
  assert.throws(() => parseHeaders({ "X-A": "1", "x-a": "2" }), isInvalid);
});

test("other headers pass under their lower-case name", () => {
  const given = parseHeaders({ Authorization: "Bearer x", "X-Latin": "é", __proto: "1" });
  assert.deepEqual(
    [...given],
    [
      ["authorization", "Bearer x"],
      ["x-latin", "é"],
      ["__proto", "1"],
    ],
  );
});
