// What the whole api does with hostile requests, whatever the route: other sites, other origins, odd heads, odd paths.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../support/api.ts";
import { PASSWORD, type Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let api: TestApi;
let person: Person;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  person = await api.register();
});
after(async () => {
  await api?.close();
  await database?.drop();
});

/** Sends bytes as they are; resolves with all that came back when the server closes or 3 s after. */
function sendRaw(bytes: string): Promise<string> {
  const { hostname, port } = new URL(api.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let answer = "";
    socket.setTimeout(3_000, () => socket.destroy());
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("error", () => resolve(answer));
    socket.on("close", () => resolve(answer));
  });
}

const CROSS_SITE: ReadonlyArray<Record<string, string>> = [
  { "sec-fetch-site": "cross-site" },
  { "sec-fetch-site": "same-site" },
  { origin: "null" },
  { origin: "https://evil.example" },
  { origin: "http://127.0.0.1.evil.example" },
  { origin: "https://evil.example", "sec-fetch-site": "same-origin" },
  { origin: "https://evil.example", "x-http-method-override": "GET" },
];

test("A60: cookie routes refuse other sites and forms, and the session lives on", async () => {
  const { cookie } = person;
  for (const path of ["/auth/refresh", "/auth/logout"]) {
    for (const headers of CROSS_SITE) {
      const reply = await api.request("POST", path, { cookie, headers });
      assert.deepEqual(
        [reply.status, reply.body.code],
        [403, "cross_site"],
        `${path} ${JSON.stringify(headers)}`,
      );
      assert.equal(reply.headers.get("set-cookie"), null);
    }
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
    ]) {
      const headers = {
        "content-type": type,
        "sec-fetch-site": "cross-site",
        origin: "https://evil.example",
      };
      const reply = await api.request("POST", path, { cookie, body: "a=b", headers });
      assert.ok([403, 415].includes(reply.status), `${path} ${type} ${reply.status}`);
    }
  }
  const credentials = { email: person.email, password: PASSWORD };
  for (const headers of CROSS_SITE) {
    const reply = await api.request("POST", "/auth/login", { body: credentials, headers });
    assert.deepEqual([reply.status, reply.headers.get("set-cookie")], [403, null], JSON.stringify(headers));
  }
  assert.equal((await api.request("POST", "/auth/refresh", { cookie })).status, 200);
});

test("A60: no GET changes anything, and no header makes another method of it", async () => {
  const { body } = await api.request<{ paths: Record<string, Record<string, unknown>> }>(
    "GET",
    "/openapi.json",
  );
  for (const [path, operations] of Object.entries(body.paths)) {
    if (operations.get || path.includes("{")) continue;
    const headers = {
      "x-http-method-override": "POST",
      "x-method-override": "POST",
      "x-http-method": "POST",
    };
    const reply = await api.request("GET", path, { token: person.token, headers });
    assert.equal(reply.status, 405, path);
    assert.doesNotMatch(reply.headers.get("allow") ?? "", /GET/, path);
  }
});

test("A61: no origin is ever allowed in, with or without a preflight", async () => {
  for (const origin of ["https://evil.example", "null", api.url]) {
    for (const method of ["OPTIONS", "GET", "POST"]) {
      const headers = {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x",
      };
      const reply = await api.request(method, "/api/workflows", { token: person.token, headers });
      for (const name of ["origin", "credentials", "methods", "headers"]) {
        assert.equal(reply.headers.get(`access-control-allow-${name}`), null, `${method} ${origin} ${name}`);
      }
    }
  }
});

function assertHardened(headers: Headers, label: string): void {
  const policy = headers.get("content-security-policy") ?? "";
  for (const part of ["object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]) {
    assert.ok(policy.includes(part) || /sandbox/.test(policy), `${label}: ${part}`);
  }
  const age = Number(/max-age=(\d+)/.exec(headers.get("strict-transport-security") ?? "")?.[1]);
  assert.ok(age >= 31_536_000, `${label}: HSTS`);
  assert.equal(headers.get("x-content-type-options"), "nosniff", label);
  assert.equal(headers.get("referrer-policy"), "no-referrer", label);
  assert.equal(headers.get("x-powered-by"), null, label);
  assert.equal(headers.get("server"), null, label);
}

test("A62: every path of the document, with and without a token, and every refusal carries the headers", async () => {
  const { body } = await api.request<{ paths: Record<string, Record<string, unknown>> }>(
    "GET",
    "/openapi.json",
  );
  // Somebody of their own: one of the calls signs out.
  const { token: own } = await api.register();
  let answers = 0;
  for (const [path, operations] of Object.entries(body.paths)) {
    const filled = path.replaceAll(/\{\w+\}/g, "00000000-0000-7000-8000-000000000000");
    for (const method of [...Object.keys(operations), "options"]) {
      for (const token of [undefined, own]) {
        const reply = await api.request(method.toUpperCase(), filled, { token });
        assert.ok(reply.status < 500, `${method} ${filled} ${reply.status} ${reply.text}`);
        assertHardened(reply.headers, `${method} ${filled} ${reply.status}`);
        answers += 1;
      }
    }
  }
  assert.ok(answers > 60);
  for (const path of ["/", "/docs", "/nowhere", "/queues", "/queues/static/x.js", "/%", "/favicon.ico"]) {
    assertHardened((await api.request("GET", path)).headers, path);
  }
});

test("A62, A63: what never became a request is refused in the same shape, with the headers", async () => {
  const garbage = [
    ["GARBAGE\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(40_000)}\r\n\r\n`, 431],
    [
      "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
    ],
    ["POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde", 400],
    ["GET / HTTP/1.1\r\nhost: x\r\nx y: z\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: x\n x: folded\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n\r\n", 400],
  ] as const;
  for (const [bytes, status] of garbage) {
    const answer = await sendRaw(bytes);
    const label = JSON.stringify(bytes.slice(0, 60));
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), label);
    if (!answer.includes("{")) continue; // A missing Host is refused by Node itself, without a body.
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    const headers = new Headers(
      head
        .split("\r\n")
        .slice(1)
        .map((line) => line.split(/: (.*)/).slice(0, 2) as [string, string]),
    );
    assertHardened(headers, label);
    assert.equal(JSON.parse(body).status, status, label);
  }
  assert.equal((await api.request("GET", "/healthz")).status, 200);
});

test("A63: pipelined requests are answered in their order, each as itself", async () => {
  const one = `GET /auth/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${person.token}\r\n\r\n`;
  const two = "GET /auth/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
  const answer = await sendRaw(one + two);
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ["200", "401"]);
});

test("A63: fields given twice, thousands of parameters and a slow head harm nobody", async () => {
  const twice = '{"email":"a@example.com","email":"b@example.com","password":"x"}';
  assert.equal((await api.request("POST", "/auth/login", { body: twice })).status, 401);
  const many = Array.from({ length: 10_000 }, (_, index) => `k${index}=v`).join("&");
  assert.ok(
    [400, 414, 431].includes(
      (await api.request("GET", `/api/workflows?${many}`, { token: person.token })).status,
    ),
  );
  const { hostname, port } = new URL(api.url);
  const slow = Array.from({ length: 200 }, () => connect(Number(port), hostname));
  for (const socket of slow) {
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nhost: x\r\nx-slow: ");
  }
  assert.equal((await api.request("GET", "/auth/me", { token: person.token })).status, 200);
  for (const socket of slow) socket.destroy();
});

test("A50: a body that looks like a parsed upload stays data, whatever its type", async () => {
  const graph = {
    nodes: [
      { id: "start", type: "trigger.manual", position: { x: 0, y: 0 }, data: {} },
      {
        id: "echo",
        type: "data.transform",
        position: { x: 1, y: 0 },
        data: { config: { value: "{{ input }}" } },
      },
    ],
    edges: [{ id: "e", source: "start", target: "echo" }],
  };
  const { token } = person;
  const created = await api.request<{ id: string }>("POST", "/api/workflows", {
    token,
    body: { name: "echo", graph },
  });
  assert.equal(created.status, 201, created.text);
  const path = `/api/workflows/${created.body.id}/executions`;
  const hostile = { files: { x: { filepath: "/etc/passwd", path: "/etc/passwd", mimetype: "text/plain" } } };
  for (const type of [
    "application/json",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "text/plain",
  ]) {
    const headers = { "content-type": type };
    const reply = await api.request("POST", path, {
      token,
      body: JSON.stringify({ input: hostile }),
      headers,
    });
    assert.equal(reply.status, type === "application/json" ? 202 : 415, type);
    assert.doesNotMatch(reply.text, /root:/);
  }
  const outside = await api.request("POST", path, { token, body: hostile });
  assert.deepEqual([outside.status, outside.body.code], [400, "invalid_request"]);
});

test("A51: no parameter is a path of the server", async () => {
  const { token } = person;
  const tricks = [
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cx",
    "%2fetc%2fpasswd",
    "a%00b",
    "C:%5cx",
  ];
  for (const trick of tricks) {
    for (const path of [
      `/api/files/${trick}`,
      `/docs/${trick}`,
      `/${trick}`,
      `/queues/static/${trick}`,
      `/assets/${trick}`,
    ]) {
      const reply = await api.request("GET", path, { token });
      assert.ok(reply.status >= 400 && reply.status < 500, `${path} ${reply.status}`);
      assert.doesNotMatch(reply.text, /root:|BEGIN|"dependencies"/, path);
    }
    const bytes = Buffer.from("content");
    const headers = { "content-type": "text/plain" };
    const stored = await api.request<{ id: string; name: string }>("POST", `/api/files?name=${trick}`, {
      token,
      body: bytes,
      headers,
    });
    // Refused, or kept as a name and nothing else: it comes back by its id.
    if (stored.status === 201)
      assert.equal((await api.request("GET", `/api/files/${stored.body.id}`, { token })).text, "content");
    else assert.equal(stored.status, 400, `${trick} ${stored.text}`);
  }
});

test("A54: SQL in any query parameter is a value", async () => {
  const { token } = person;
  const stranger = await api.register();
  await api.request("POST", "/api/workflows", {
    token: stranger.token,
    body: {
      name: "theirs",
      graph: { nodes: [{ id: "s", type: "trigger.manual", position: { x: 0, y: 0 }, data: {} }], edges: [] },
    },
  });
  const { body } = await api.request<{
    paths: Record<string, Record<string, { parameters?: Array<{ in: string; name: string }> }>>;
  }>("GET", "/openapi.json");
  const tricks = [
    "' or 1=1 --",
    "%' or true --",
    "x'); drop table users; --",
    "\\",
    "1 union select password_hash from users",
    "created_at desc; select 1",
    "$1",
    "{}",
    "[object]",
  ];
  let asked = 0;
  for (const [path, operations] of Object.entries(body.paths)) {
    if (path.includes("{")) continue;
    for (const { in: where, name } of operations.get?.parameters ?? []) {
      if (where !== "query") continue;
      for (const trick of tricks) {
        const reply = await api.request("GET", `${path}?${name}=${encodeURIComponent(trick)}`, { token });
        assert.ok(reply.status < 500, `${path} ${name}=${trick}: ${reply.text}`);
        assert.doesNotMatch(
          reply.text,
          /theirs|argon2|syntax error|pg_|relation "/,
          `${path} ${name}=${trick}`,
        );
        asked += 1;
      }
    }
  }
  assert.ok(asked > 50, `${asked} were asked`);
  assert.equal((await api.request("GET", "/auth/me", { token })).status, 200);
});

test("A59: nobody follows another's execution, and a token in the address is none", async () => {
  const { token } = person;
  const graph = {
    nodes: [{ id: "start", type: "trigger.manual", position: { x: 0, y: 0 }, data: {} }],
    edges: [],
  };
  const workflow = await api.request<{ id: string }>("POST", "/api/workflows", {
    token,
    body: { name: "w", graph },
  });
  const path = `/api/workflows/${workflow.body.id}/executions`;
  const { body } = await api.request<{ id: string }>("POST", path, { token, body: {} });
  const stranger = await api.register();
  const theirs = await api.request("GET", `/api/executions/${body.id}/events`, { token: stranger.token });
  assert.deepEqual([theirs.status, theirs.body.code], [404, "not_found"]);
  assert.equal(
    (await api.request("GET", `/api/executions/${body.id}/events?access_token=${token}`)).status,
    401,
  );
});

test("A68: health and metrics say nothing about secrets, addresses or people; no source or dot file is served", async () => {
  for (const path of ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"]) {
    const { text, status } = await api.request("GET", path);
    assert.ok(status === 200 || status === 503, path);
    assert.doesNotMatch(
      text,
      /postgres(ql)?:\/\/|rediss?:\/\/|argon2|0123456789abcdef|@example\.com|Bearer ey/,
      path,
    );
    assert.ok(!text.includes(person.userId) && !text.includes(person.workspaceId), path);
  }
  const hidden = [
    "/.env",
    "/.git/config",
    "/.git/HEAD",
    "/package.json",
    "/package-lock.json",
    "/api/main.ts",
    "/core/config.ts",
    "/main.js.map",
    "/assets/index.js.map",
    "/.data/keys.json",
    "/docker-compose.yml",
    "/node_modules/express/package.json",
  ];
  for (const path of hidden) {
    const { status, text } = await api.request("GET", path);
    assert.ok(status === 404 || status === 401, `${path} ${status}`);
    assert.doesNotMatch(text, /"version"|\[core\]|import /, path);
  }
});
