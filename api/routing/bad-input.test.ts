// Whatever is sent, the answer is a 4xx with problem details, and the server goes on.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import { PASSWORD, type RequestOptions } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";

let database: TestDatabase;
let api: TestApi;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
});
after(async () => {
  await api?.close();
  await database?.drop();
});

type Problem = { status: number; code: string; detail: string; errors?: { path: string; message: string }[] };

/** Expects a problem and that the next request is served as if nothing had been. */
async function expectProblem(
  path: string,
  options: RequestOptions,
  status: number,
  code: string,
  label = code,
) {
  const reply = await api.request<Problem>("POST", path, options);
  assert.equal(reply.status, status, `${label}: ${reply.text.slice(0, 300)}`);
  assert.match(reply.headers.get("content-type") ?? "", /^application\/problem\+json/, label);
  assert.deepEqual([reply.body.status, reply.body.code], [status, code], label);
  assert.equal((await api.request("GET", "/healthz")).status, 200, label);
  return reply.body;
}

const valid = { email: "someone@example.com", password: PASSWORD };
const withEmail = (json: string) => `{"email":${json},"password":"${PASSWORD}"}`;
const bad = (body: unknown, label: string) =>
  expectProblem("/auth/login", { body }, 400, "invalid_request", label);

test("JSON that is none says where it breaks", async () => {
  const cases = [
    ['{"email":\n  x}', "line 2, column 3"],
    ["{email:1}", "line 1, column 2"],
    ['{"a":1} trailing', "line 1, column 9"],
    ['{"a":', "ends too early"],
    [`{"a":"${"y".repeat(100_000)}`, "ends too early"],
    [`[${"1,".repeat(50_000)}x]`, "out of place"],
    ["NaN", "line 1, column 1"],
  ] as const;
  for (const [body, where] of cases) {
    const problem = await expectProblem("/auth/login", { body }, 400, "malformed_json", body.slice(0, 30));
    assert.ok(problem.detail.includes(where), `${body.slice(0, 30)}: ${problem.detail}`);
  }
});

test("A66: invalid UTF-8 is refused, not repaired", async () => {
  const bytes = Buffer.concat([
    Buffer.from('{"email":"a'),
    Buffer.from([0xff, 0xc3, 0x28]),
    Buffer.from('"}'),
  ]);
  await expectProblem("/auth/login", { body: bytes }, 400, "malformed_json");
});

test("wrong types, missing and unknown fields are all named at once", async () => {
  const problem = await bad({ email: { $ne: null }, password: ["x"], isAdmin: true, role: "admin" }, "types");
  assert.deepEqual(problem.errors?.map((error) => error.path).sort(), [
    "email",
    "isAdmin",
    "password",
    "role",
  ]);
  for (const body of ["null", "[]", '"text"', "1", "true", "{}", "[[]]"]) await bad(body, body);
  await expectProblem("/auth/login", {}, 400, "invalid_request", "no body");
  await expectProblem(
    "/auth/refresh",
    { body: { a: 1 } },
    400,
    "invalid_request",
    "a body where none belongs",
  );
});

test("A03, A63: prototype keys are unknown fields and change nothing", async () => {
  for (const key of ["__proto__", "constructor", "prototype", "toString"]) {
    const body = `{"email":"a@example.com","password":"${PASSWORD}","${key}":{"isAdmin":true}}`;
    const problem = await bad(body, key);
    assert.deepEqual(
      problem.errors?.map((error) => error.path),
      [key],
    );
  }
  assert.equal(({} as Record<string, unknown>).isAdmin, undefined);
});

test("text PostgreSQL cannot hold is refused wherever it hides", async () => {
  for (const text of ['"a\\u0000b"', '"\\ud800"', '"\\udc00x"', '{"a\\u0000":1}', '[[{"x":"\\u0000"}]]']) {
    await bad(withEmail(text), text);
  }
  for (const query of ["x=%00", "%00=1", "x=a%00b"]) {
    await expectProblem(`/auth/login?${query}`, { body: valid }, 400, "invalid_request", query);
  }
});

test("A63: depth and size have limits", async () => {
  for (const depth of [201, 1_000, 500_000]) {
    await bad(withEmail("[".repeat(depth) + "]".repeat(depth)), `depth ${depth}`);
  }
  const large = JSON.stringify({ ...valid, name: "x".repeat(5 * 1_024 * 1_024) });
  await expectProblem("/auth/register", { body: large }, 413, "body_too_large", "5 MB");
  await bad({ ...valid, password: "x".repeat(1_000_000) }, "1 MB password");
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`key${index}`, index]));
  const problem = await bad(many, "20,000 unknown fields");
  assert.ok((problem.errors?.length ?? 0) <= 50, "the answer stays small");
});

test("A60: other content types are refused, so no form of another site gets through", async () => {
  const body = JSON.stringify(valid);
  const types = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/jsonx",
    "text/json",
    "",
  ];
  for (const type of types) {
    const headers = { "content-type": type };
    await expectProblem("/auth/login", { body, headers }, 415, "unsupported_media_type", type || "none");
  }
  const headers = { "content-encoding": "gzip" };
  await expectProblem("/auth/login", { body, headers }, 415, "unsupported_media_type", "gzip");
  const utf8 = await api.request("POST", "/auth/login", {
    body,
    headers: { "content-type": "Application/JSON; Charset=UTF-8" },
  });
  assert.equal(utf8.body.code, "invalid_credentials");
});

test("A20, A63, A66: queries are read strictly", async () => {
  const get = async (query: string) => {
    const reply = await api.request<Problem>("GET", `/healthz?${query}`);
    return [reply.status, reply.body.code];
  };
  assert.deepEqual(await get("unknown=1"), [400, "invalid_request"]);
  assert.deepEqual(await get("a[__proto__][x]=1"), [400, "invalid_request"]);
  assert.deepEqual(await get("__proto__=1"), [400, "invalid_request"]);
  assert.deepEqual(await get("a=%ff"), [400, "invalid_url"]);
  assert.deepEqual(await get("a=%"), [400, "invalid_url"]);
  assert.deepEqual(await get(Array.from({ length: 101 }, (_, index) => `k${index}`).join("&")), [
    400,
    "too_many_parameters",
  ]);
  assert.deepEqual(await get(`a=${"x".repeat(9_000)}`), [414, "url_too_long"]);
});

test("A64, A66: paths that cannot be read are refused, whatever they look like", async () => {
  for (const [path, status] of [
    ["/%", 400],
    ["/%ff", 400],
    ["/docs/%c3%28", 400],
    ["/auth/me%00", 400],
    [`/${"-a".repeat(2_000)}`, 404],
    ["/..;/auth/me", 404],
    ["/auth//me", 404],
    ["/AUTH/ME", 404],
  ] as const) {
    assert.equal((await api.request("GET", path)).status, status, path.slice(0, 40));
  }
});

test("e-mail addresses are checked", async () => {
  for (const email of [
    "",
    "x",
    "a@",
    "@b.c",
    "a b@example.com",
    "a@b@c.de",
    `${"a".repeat(250)}@example.com`,
    "a@example.com\n.x",
  ]) {
    await expectProblem("/auth/register", { body: { ...valid, email } }, 400, "invalid_request", email);
  }
});

test("A63: what is not HTTP is answered with 400 or a closed door, and a head without end is bounded", async () => {
  const { hostname, port } = new URL(api.url);
  const send = (bytes: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write(bytes));
      let answer = "";
      socket.on("data", (chunk) => {
        answer += chunk;
        socket.end();
      });
      socket.on("error", () => resolve(answer));
      socket.on("close", () => resolve(answer));
    });
  assert.match(await send("GARBAGE\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(
    await send(`GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(40_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 /,
  );
  const smuggled =
    "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
  assert.match(await send(smuggled), /^HTTP\/1\.1 400 /);
  assert.equal((await api.request("GET", "/healthz")).status, 200);
});
