// A42: what a redirect may change, and what does not follow it to another origin.
import assert from "node:assert/strict";
import test from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import { type Hop, nextHop } from "./redirects.ts";

const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

const SECRETS = {
  authorization: "Bearer x",
  cookie: "a=b",
  "proxy-authorization": "x",
  "x-api-key": "x",
  "private-token": "x",
  "x-amz-security-token": "x",
  "x-vendor": "x",
};

function hop(method: string, url = "https://a.test/x"): Hop {
  const headers = new Map(Object.entries({ accept: "*/*", "content-type": "text/plain", ...SECRETS }));
  return { url: new URL(url), method, headers, body: method === "GET" ? undefined : "body" };
}
const sensitive = new Set(["x-vendor"]);

const RULES: [status: number, method: string, expected: string][] = [
  [301, "POST", "GET"],
  [302, "POST", "GET"],
  [302, "PUT", "PUT"],
  [302, "DELETE", "DELETE"],
  [303, "PUT", "GET"],
  [303, "HEAD", "HEAD"],
  [307, "POST", "POST"],
  [308, "PATCH", "PATCH"],
];
for (const [status, method, expected] of RULES) {
  test(`${status} turns ${method} into ${expected}, and a GET made so has neither body nor body headers`, () => {
    const next = nextHop(hop(method), { status, location: "/y", sensitive });
    assert.equal(next.method, expected);
    const keeps = expected === method;
    assert.equal(next.body, keeps ? "body" : undefined);
    assert.equal(next.headers.has("content-type"), keeps);
    assert.equal(next.headers.get("authorization"), "Bearer x");
    assert.equal(next.url.href, "https://a.test/y");
  });
}

for (const location of [
  "https://b.test/",
  "//b.test/",
  "https://a.test:444/",
  "http://a.test/",
  "https://sub.a.test/",
]) {
  test(`A42 nothing secret follows a redirect to ${location}`, () => {
    const next = nextHop(hop("GET"), { status: 302, location, sensitive });
    assert.deepEqual([...next.headers.keys()], ["accept", "content-type"]);
  });
}

test("A42 what was dropped does not come back when a later hop returns to the first origin", () => {
  const away = nextHop(hop("GET"), { status: 302, location: "https://b.test/", sensitive });
  const back = nextHop(away, { status: 302, location: "https://a.test/", sensitive });
  assert.deepEqual([...back.headers.keys()], ["accept", "content-type"]);
});

test("A42 a body does not step down from https to http", () => {
  const down = { status: 307, location: "http://a.test/", sensitive };
  assert.throws(() => nextHop(hop("POST"), down), hasCode("egress_denied"));
  assert.equal(nextHop(hop("POST", "http://c.test/"), down).body, "body");
});

for (const location of [
  "file:///etc/passwd",
  "gopher://127.0.0.1:6379/_x",
  "data:text/plain,x",
  "javascript:1",
]) {
  test(`A42 a redirect to ${location} is refused`, () => {
    assert.throws(() => nextHop(hop("GET"), { status: 302, location, sensitive }), hasCode("egress_denied"));
  });
}

for (const location of [
  "https://u:p@b.test/",
  "//u@b.test/",
  "http:u@b.test/",
  "//@b.test/",
  "\\\\b.test/",
  "http://[",
  "/a\tb",
]) {
  test(`A43 a redirect to ${JSON.stringify(location)} is refused`, () => {
    assert.throws(
      () => nextHop(hop("GET"), { status: 302, location, sensitive }),
      hasCode("egress_invalid_request"),
    );
  });
}
