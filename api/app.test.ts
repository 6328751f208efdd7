// The app around the routes: policy, headers, pages, documents, errors.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { pino } from "pino";
import { z } from "zod";
import { AppError } from "#core/domain/app-error.ts";
import type { Actor } from "#core/domain/roles.ts";
import { createApp } from "./app.ts";
import { type HttpServer, listen } from "./listen.ts";
import { createMetrics } from "./metrics.ts";
import { idParams } from "./routing/params.ts";
import { defineRoute, type Route } from "./routing/route.ts";

const PERSON: Actor = {
  userId: "u1",
  sessionId: "s1",
  apiKey: null,
  email: "",
  name: "",
  isAdmin: false,
  memberships: [],
};
const ok = { 200: { description: "Fine" } };
const common = { tag: "Test", summary: "A test route", replies: ok } as const;
const CANARY = "canary-5c1f0e";

const routes: Route[] = [
  defineRoute({
    ...common,
    method: "get",
    path: "/t/search",
    action: "public",
    headers: { "X-Hint": "Where to look first" },
    query: z.strictObject({ q: z.string().min(1) }),
    handle: async ({ query }) => ({ status: 200, body: query.q }),
  }),
  defineRoute({
    ...common,
    method: "get",
    path: "/t/things/:id",
    action: "self",
    params: idParams,
    handle: async ({ params }) => ({ status: 200, body: params }),
  }),
  defineRoute({
    ...common,
    method: "get",
    path: "/t/things/special",
    action: "public",
    handle: async () => ({ status: 200, body: "special" }),
  }),
  defineRoute({
    ...common,
    method: "delete",
    path: "/t/things/:id",
    action: "workflow:write",
    params: idParams,
    handle: async () => ({ status: 204 }),
  }),
  defineRoute({
    ...common,
    method: "get",
    path: "/t/admin",
    action: "instance:admin",
    handle: async () => ({ status: 200, body: {} }),
  }),
  defineRoute({
    ...common,
    method: "post",
    path: "/t/closed",
    action: "self",
    body: z.strictObject({ a: z.string() }),
    handle: async () => ({ status: 200, body: {} }),
  }),
  defineRoute({
    ...common,
    method: "get",
    path: "/t/fails/:how",
    action: "public",
    handle: async ({ request }) => {
      const how = request.path.split("/").at(-1);
      if (how === "known")
        throw new AppError("database_unavailable", "Later", { details: { retryAfterMs: 4_200 } });
      if (how === "down") throw new AppError("database_unavailable", "Down", { retryable: true });
      if (how === "workflow") throw new AppError("execution_failed", "The workflow has not ended well");
      if (how === "unplanned") throw new AppError("some_inner_code", `inner ${CANARY}`);
      throw new Error(`secret ${CANARY}`);
    },
  }),
  defineRoute({
    ...common,
    method: "get",
    path: "/t/stream",
    action: "public",
    handle: async () => ({
      status: 200,
      headers: { "content-type": "text/plain" },
      stream: Readable.from(["a", "b", "c"]),
    }),
  }),
  defineRoute({
    ...common,
    method: "get",
    path: "/t/broken",
    action: "public",
    handle: async () => ({
      status: 200,
      headers: { "content-type": "text/plain", "content-length": "99" },
      stream: Readable.from(failing()),
    }),
  }),
];

async function* failing() {
  yield "a";
  throw new Error("the source broke");
}

const lines: Record<string, unknown>[] = [];
const metrics = createMetrics(() => ({ used: 0, idle: 0, waiting: 0, max: 1 }));
let server: HttpServer;

before(async () => {
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const authenticate = async (request: {
    headers: { authorization?: string | undefined };
  }): Promise<Actor> => {
    if (request.headers.authorization === "Bearer person") return PERSON;
    if (request.headers.authorization === "Bearer admin") return { ...PERSON, isAdmin: true };
    throw new AppError("unauthenticated", "Who are you?");
  };
  const mounts = [
    {
      path: "/queues",
      handler: (_request: unknown, response: { end(text: string): void }) => response.end("mounted"),
    },
  ];
  const app = createApp({ routes, authenticate, logger, observe: metrics.observe, mounts });
  server = await listen(app, { host: "127.0.0.1", port: 0 });
});
after(() => server?.stop());

const call = async (path: string, init: RequestInit & { as?: string } = {}) => {
  const { as, ...rest } = init;
  const headers = {
    ...(as && { authorization: `Bearer ${as}` }),
    ...(rest.headers as Record<string, string>),
  };
  const reply = await fetch(`${server.url}${path}`, { ...rest, headers });
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, text, problem: parse(text) };
};

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const ID = "01920000-0000-7000-8000-000000000000";

test("a signed-in person is needed unless the route is public, an administrator where it says so", async () => {
  assert.equal((await call(`/t/things/${ID}`)).status, 401);
  assert.equal((await call(`/t/things/${ID}`, { method: "DELETE" })).status, 401);
  assert.equal((await call(`/t/things/${ID}`, { as: "person" })).status, 200);
  assert.equal((await call(`/t/things/${ID}`, { method: "DELETE", as: "person" })).status, 204);
  assert.equal((await call("/t/admin")).status, 401);
  assert.equal((await call("/t/admin", { as: "person" })).problem.code, "forbidden");
  assert.equal((await call("/t/admin", { as: "admin" })).status, 200);
  assert.equal((await call("/t/things/special")).text, '"special"');
});

test("who is not signed in learns nothing about what a body should be", async () => {
  const reply = await call("/t/closed", {
    method: "POST",
    body: "{",
    headers: { "content-type": "application/json" },
  });
  assert.deepEqual([reply.status, reply.problem.code], [401, "unauthenticated"]);
  assert.equal(reply.headers.get("www-authenticate"), 'Bearer realm="atelier"');
});

test("an id that cannot exist answers 404, another method 405 with what is allowed", async () => {
  const missing = await call("/t/things/not-a-uuid", { as: "person" });
  assert.deepEqual([missing.status, missing.problem.code], [404, "not_found"]);
  const wrong = await call(`/t/things/${ID}`, { method: "PUT", as: "person" });
  assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "GET, HEAD, DELETE"]);
  assert.equal((await call("/t/things/special", { method: "DELETE", as: "person" })).status, 405);
  assert.equal((await call(`/t/things/${ID}`, { method: "HEAD", as: "person" })).status, 200);
});

test("a query value is one storable text, and what is unknown or given twice is refused", async () => {
  assert.equal((await call("/t/search?q=a+b%C3%BC")).text, '"a bü"');
  for (const query of ["q=a%00b", "q=a&q=b", "q=a&p=b", "", "q", "q="]) {
    const reply = await call(`/t/search?${query}`);
    assert.deepEqual([reply.status, reply.problem.code], [400, "invalid_request"], query);
  }
});

test("an error nobody planned says nothing outside and everything in the log, under one id", async () => {
  for (const how of ["unknown", "unplanned"]) {
    lines.length = 0;
    const reply = await call(`/t/fails/${how}`, { headers: { "x-request-id": "trace-0123456789" } });
    assert.deepEqual([reply.status, reply.problem.code], [500, "internal_error"]);
    assert.doesNotMatch(reply.text, new RegExp(`${CANARY}|at .*\\.ts`));
    assert.equal(reply.problem.requestId, "trace-0123456789");
    const logged = lines.find((line) => line.msg === "request failed");
    assert.equal(logged?.requestId, "trace-0123456789");
    assert.match(JSON.stringify(logged), new RegExp(CANARY));
  }
});

test("a workflow that fails while somebody waits is nobody's fault here: no error in the log", async () => {
  lines.length = 0;
  assert.equal((await call("/t/fails/workflow")).status, 502);
  assert.deepEqual(
    lines.map(({ msg, status }) => [msg, status]),
    [["request", 502]],
  );
});

test("problems that pass say when to come back", async () => {
  const later = await call("/t/fails/known");
  assert.deepEqual([later.status, later.headers.get("retry-after")], [503, "5"]);
  assert.equal(later.headers.get("content-type"), "application/problem+json; charset=utf-8");
  const down = await call("/t/fails/down");
  assert.deepEqual([down.status, down.headers.get("retry-after")], [503, "1"]);
});

test("one log line per request, with the pattern and never the path, the query or the token", async () => {
  lines.length = 0;
  await call(`/t/things/${ID}?x=${CANARY}`, { as: "person" });
  await call(`/${CANARY}?${CANARY}`, { as: CANARY });
  const logged = () => lines.filter((line) => line.msg === "request");
  // The line is written when the answer has left, which the client may notice first.
  while (logged().length < 2) await new Promise((resolve) => setImmediate(resolve));
  const requests = logged();
  assert.deepEqual(
    requests.map(({ method, route, status, userId }) => ({ method, route, status, userId })),
    [
      { method: "GET", route: "/t/things/:id", status: 400, userId: "u1" },
      { method: "GET", route: "unmatched", status: 404, userId: undefined },
    ],
  );
  assert.doesNotMatch(JSON.stringify(lines), new RegExp(`${CANARY}|Bearer|${ID}`));
  assert.match(
    await metrics.text(),
    /http_request_duration_seconds_count\{method="GET",route="unmatched",status="404"\}/,
  );
});

test("a request id that could forge a log line is replaced", async () => {
  for (const id of ["short", "with space and more", "x".repeat(65), '{"a":1}--------']) {
    const reply = await call("/t/things/special", { headers: { "x-request-id": id } });
    assert.match(reply.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/, id);
  }
});

test("A61, A62: every answer carries the security headers and invites nobody from elsewhere", async () => {
  const paths = [
    "/",
    "/docs",
    "/docs/docs.js",
    "/queues",
    "/openapi.json",
    "/nothing",
    "/t/admin",
    "/t/fails/x",
    "/t/stream",
    "/%",
  ];
  for (const path of paths) {
    const { headers } = await call(path, { headers: { origin: "https://evil.example" } });
    const policy = headers.get("content-security-policy") ?? "";
    for (const part of [
      "default-src 'none'",
      "object-src 'none'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ]) {
      assert.ok(policy.includes(part), `${path}: ${part}`);
    }
    assert.doesNotMatch(policy, /unsafe/, path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(headers.get("referrer-policy"), "no-referrer", path);
    assert.match(headers.get("strict-transport-security") ?? "", /max-age=31536000/, path);
    assert.equal(headers.get("x-powered-by"), null, path);
    assert.equal(headers.get("access-control-allow-origin"), null, path);
  }
});

test("A68: pages need no inline script or style and nothing from elsewhere, and no other file is served", async () => {
  const folder = new URL("./assets/", import.meta.url);
  const pages = (await readdir(folder)).filter((name) => name.endsWith(".html"));
  assert.ok(pages.length >= 2);
  for (const name of pages) {
    const html = await readFile(new URL(name, folder), "utf8");
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\son\w+=|style=|https?:\/\//, name);
  }
  assert.match((await call("/docs")).headers.get("content-type") ?? "", /text\/html/);
  assert.match((await call("/docs/docs.js")).headers.get("content-type") ?? "", /javascript/);
  for (const path of [
    "/.env",
    "/docs/.env",
    "/docs/../app.ts",
    "/docs/%2e%2e/app.ts",
    "/docs/..%2fapp.ts",
    "/.git/config",
  ]) {
    assert.ok([400, 404].includes((await call(path)).status), path);
  }
});

test("the OpenAPI document describes the routes that are there, from their schemas", async () => {
  const document = JSON.parse((await call("/openapi.json")).text);
  assert.equal(document.openapi, "3.1.0");
  assert.deepEqual(Object.keys(document.paths).sort(), [
    "/t/admin",
    "/t/broken",
    "/t/closed",
    "/t/fails/{how}",
    "/t/search",
    "/t/stream",
    "/t/things/special",
    "/t/things/{id}",
  ]);
  const closed = document.paths["/t/closed"].post;
  assert.deepEqual(closed.security, [{ bearer: [] }]);
  assert.deepEqual(closed.requestBody.required, true);
  assert.deepEqual(closed.requestBody.content["application/json"].schema, {
    type: "object",
    properties: { a: { type: "string" } },
    required: ["a"],
    additionalProperties: false,
  });
  assert.equal(document.paths["/t/things/{id}"].get.parameters[0].schema.format, "uuid");
  assert.deepEqual(document.paths["/t/things/special"].get.security, []);
  assert.deepEqual(document.paths["/t/search"].get.parameters[1], {
    name: "X-Hint",
    in: "header",
    required: false,
    description: "Where to look first",
    schema: { type: "string" },
  });
});

test("streams go out whole, and a source that breaks breaks the connection", async () => {
  assert.equal((await call("/t/stream")).text, "abc");
  await assert.rejects(call("/t/broken"));
  assert.equal((await call("/t/stream")).status, 200);
});

test("mounts answer below their path", async () => {
  assert.equal((await call("/queues/deep/inside")).text, "mounted");
});

test("a route that lets unknown fields pass, or comes twice, is refused at start", async () => {
  const open = {
    ...common,
    method: "post",
    path: "/x",
    action: "public",
    handle: async () => ({ status: 200 }),
  } as const;
  assert.throws(() => defineRoute({ ...open, body: z.object({ a: z.string() }) }), /strictObject/);
  assert.throws(() => defineRoute({ ...open, body: z.looseObject({}).optional() }), /strictObject/);
  assert.throws(() => defineRoute({ ...open, query: z.object({}) }), /strictObject/);
  const route = defineRoute(open);
  const twice = {
    routes: [route, route],
    authenticate: async () => PERSON,
    logger: pino({ level: "silent" }),
    observe: () => {},
  };
  assert.throws(() => createApp(twice), /Two routes answer post \/x/);
});
