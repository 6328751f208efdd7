// Credentials at run time: where they go, where they do not, and what the log says of it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type EchoServer, startEchoServer } from "../support/echo-server.ts";
import { asAdmin } from "../support/query.ts";
import { chain, createWorkflow, listSteps } from "../support/workflows.ts";
import { type CredentialBed, createCredentialBed } from "./credential-bed.ts";

type Problem = { code: string; errors?: { code: string; path: string; message: string }[] };

const TOKEN = "token-of-ada-4711";

let bed: CredentialBed;
let other: EchoServer;

before(async () => {
  other = await startEchoServer();
  bed = await createCredentialBed({ reach: [other.address] });
});

after(async () => {
  await bed?.close();
  await other?.close();
});

const lastHeaders = () => bed.echo.requests.at(-1)?.headers ?? {};

async function usesOf(credentialId: string) {
  type Use = { action: string; actor_id: string; chain_id: string; details: Record<string, unknown> };
  const text = `select action, actor_id, chain_id, details from audit_logs
    where target_id = $1 and action in ('credential.used', 'credential.refused') order by seq`;
  return asAdmin<Use>(bed.database, text, [credentialId]);
}

test("S32: each HTTP type sets its header, for its own node only", async () => {
  const cases: [type: string, data: Record<string, string>, header: string, value: string][] = [
    ["http.bearer", { token: TOKEN }, "authorization", `Bearer ${TOKEN}`],
    ["http.header", { name: "X-Key-Of-Mine", value: TOKEN }, "x-key-of-mine", TOKEN],
    [
      "http.basic",
      { username: "ada", password: "p:w ü 4711" },
      "authorization",
      `Basic ${Buffer.from("ada:p:w ü 4711").toString("base64")}`,
    ],
  ];
  for (const [type, data, header, value] of cases) {
    const ended = await bed.run(bed.ada, await bed.create(bed.ada, { type, data }), { url: bed.echo.url });
    assert.equal(ended.status, "succeeded", JSON.stringify(ended.error));
    assert.equal(lastHeaders()[header], value);
    assert.doesNotMatch(JSON.stringify(ended.output), /of-ada-4711|ü 4711/);
    assert.match(JSON.stringify(ended.output), /\[redacted\]/);
  }
  const bare = chain({ id: "call", type: "http.request", config: { url: bed.echo.url } });
  await bed.start(bed.ada, await createWorkflow(bed.request, bed.ada, bare));
  assert.equal(lastHeaders().authorization, undefined);
});

test("S32: every use is in the workspace's audit log before the request goes out", async () => {
  const id = await bed.create(bed.ada);
  const seen: number[] = [];
  bed.echo.onRequest = async () => {
    seen.push((await usesOf(id)).length);
  };
  const graph = await bed.save(bed.ada, id, { url: `${bed.echo.url}/broken?secret=1` });
  const data = { retry: { maxAttempts: 3, backoffMs: 0, maxBackoffMs: 0 }, credentials: { auth: id } };
  const config = { url: `${bed.echo.url}/broken` };
  const retried = chain({ id: "call", type: "http.request", config, data });
  await bed.start(bed.ada, graph);
  const ended = await bed.start(bed.ada, await createWorkflow(bed.request, bed.ada, retried));
  bed.echo.onRequest = async () => {};
  assert.deepEqual(seen, [1, 2, 3, 4]);
  const uses = await usesOf(id);
  assert.deepEqual(uses.at(-1), {
    action: "credential.used",
    actor_id: bed.ada.userId,
    chain_id: bed.ada.workspaceId,
    details: { executionId: ended.id, nodeId: "call", attempt: 3, host: bed.echo.address },
  });
  assert.doesNotMatch(JSON.stringify(uses), /secret=1|0123456789/);
});

test("S32: a host outside the binding is refused at save, with what to do", async () => {
  const id = await bed.create(bed.ada, { allowedHosts: ["api.example.com", "*.example.org"] });
  for (const url of [
    "https://evil.example.com/x",
    "https://evil.example.com/{{ input.x }}",
    "http://example.org:8080/?{{ input.x }}",
    "https://api.example.com.evil.test/",
  ]) {
    const graph = chain({
      id: "call",
      type: "http.request",
      config: { url },
      data: { credentials: { auth: id } },
    });
    const reply = await bed.request<Problem>("POST", "/api/workflows", {
      token: bed.ada.token,
      body: { name: "x", graph },
    });
    assert.equal(reply.status, 422, url);
    assert.equal(reply.body.errors?.[0]?.code, "credential_host");
    assert.equal(reply.body.errors?.[0]?.path, "nodes.1.data.credentials.auth");
    assert.match(
      reply.body.errors?.[0]?.message ?? "",
      /may go to api\.example\.com.*add .* to its allowedHosts/,
    );
  }
  for (const url of [
    "https://api.example.com/{{ input.x }}",
    "https://a.b.example.org/",
    "{{ input.url }}",
  ]) {
    await bed.save(bed.ada, id, { url });
  }
});

test("S32: a type the slot does not take is refused at save", async () => {
  const id = await bed.create(bed.ada, {
    type: "postgres",
    data: { url: "postgres://u:p@h/d" },
    allowedHosts: [],
  });
  const graph = chain({
    id: "call",
    type: "http.request",
    config: { url: "https://h/" },
    data: { credentials: { auth: id } },
  });
  const reply = await bed.request<Problem>("POST", "/api/workflows", {
    token: bed.ada.token,
    body: { name: "x", graph },
  });
  assert.equal(reply.status, 422);
  assert.equal(reply.body.errors?.[0]?.code, "credential_type");
});

test("S32: what an expression comes to is checked at run, before anything goes out", async () => {
  const id = await bed.create(bed.ada);
  const workflow = await bed.save(bed.ada, id, { url: "{{ input.url }}" });
  const before = other.requests.length;
  for (const url of [
    other.url,
    `${other.url}/#${bed.echo.url}`,
    `http://localhost:${bed.echo.address.split(":")[1]}/`,
    "/relative",
  ]) {
    const ended = await bed.start(bed.ada, workflow, { url });
    assert.equal(ended.error?.code, "credential_refused", url);
  }
  assert.equal(other.requests.length, before);
  const refused = await usesOf(id);
  assert.deepEqual(
    refused.map(({ action, details }) => [action, details.host, details.code]),
    [
      ["credential.refused", other.address, "credential_refused"],
      ["credential.refused", other.address, "credential_refused"],
      ["credential.refused", bed.echo.address.replace("127.0.0.1", "localhost"), "credential_refused"],
      ["credential.refused", undefined, "credential_refused"],
    ],
  );
  assert.equal((await bed.start(bed.ada, workflow, { url: bed.echo.url })).status, "succeeded");
});

test("A42: a credential, whatever its header is called, follows no redirect to another origin", async () => {
  const headers: [type: string, data: Record<string, string>, header: string][] = [
    ["http.bearer", { token: TOKEN }, "authorization"],
    ["http.basic", { username: "ada", password: TOKEN }, "authorization"],
    ["http.header", { name: "Accept-Me", value: TOKEN }, "accept-me"],
    ["http.header", { name: "Content-Key", value: TOKEN }, "content-key"],
  ];
  for (const [type, data, header] of headers) {
    // Bound to both on purpose: the second origin gets it only when a node asks for it by name.
    const allowedHosts = [bed.echo.address, other.address];
    const id = await bed.create(bed.ada, { type, data, allowedHosts });
    const url = `${bed.echo.url}/to/${encodeURIComponent(`${other.url}/there`)}`;
    const ended = await bed.run(bed.ada, id, { url });
    assert.equal(ended.status, "succeeded", JSON.stringify(ended.error));
    assert.ok(lastHeaders()[header], "the first origin got it");
    assert.equal(other.requests.at(-1)?.path, "/there");
    assert.equal(other.requests.at(-1)?.headers[header], undefined, header);
    assert.doesNotMatch(JSON.stringify(other.requests.at(-1)), /4711/);
    const near = `${bed.echo.url}/to/${encodeURIComponent("/near")}`;
    await bed.run(bed.ada, id, { url: near });
    assert.equal(bed.echo.requests.at(-1)?.path, "/near");
    assert.ok(lastHeaders()[header], "the same origin keeps it");
  }
});

test("S32: a header the node sets by hand does not meet the credential's", async () => {
  const id = await bed.create(bed.ada);
  const headers = { authorization: "Bearer mine" };
  const ended = await bed.run(bed.ada, id, { url: bed.echo.url, headers });
  assert.equal(ended.error?.code, "invalid_config");
});

test("S32: a credential deleted meanwhile fails the step clearly", async () => {
  const id = await bed.create(bed.ada);
  const workflow = await bed.save(bed.ada, id, { url: bed.echo.url });
  await bed.request("DELETE", `/api/credentials/${id}?force=true`, { token: bed.ada.token });
  const ended = await bed.start(bed.ada, workflow);
  assert.equal(ended.error?.code, "credential_not_found");
  assert.match(ended.error?.message ?? "", /deleted/);
});

test("S32: an imported credential goes nowhere until somebody binds it", async () => {
  const id = await bed.create(bed.ada);
  const workflow = await bed.save(bed.ada, id, { url: bed.echo.url });
  await asAdmin(bed.database, "update credentials set allowed_hosts = '{}' where id = $1", [id]);
  const ended = await bed.start(bed.ada, workflow);
  assert.equal(ended.error?.code, "credential_refused");
  assert.match(ended.error?.message ?? "", /not bound to any host yet/);
  const body = { allowedHosts: [bed.echo.address] };
  await bed.request("PATCH", `/api/credentials/${id}`, { token: bed.ada.token, body });
  assert.equal((await bed.start(bed.ada, workflow)).status, "succeeded");
});

test("S30: a ciphertext moved to another row opens nowhere", async () => {
  const [one, two] = [
    await bed.create(bed.ada),
    await bed.create(bed.ada, { data: { token: "another-0815" } }),
  ];
  const workflow = await bed.save(bed.ada, one, { url: bed.echo.url });
  await asAdmin(
    bed.database,
    `update credentials c set ciphertext = o.ciphertext, wrapped_key = o.wrapped_key
     from credentials o where c.id = $1 and o.id = $2`,
    [one, two],
  );
  const before = bed.echo.requests.length;
  const ended = await bed.start(bed.ada, workflow);
  assert.equal(ended.error?.code, "decryption_failed");
  assert.equal(bed.echo.requests.length, before);
});

test("S32: an error that repeats the secret is stored without it, and so is a node's own config", async () => {
  const id = await bed.create(bed.ada, { data: { token: TOKEN } });
  const workflow = await bed.save(bed.ada, id, {
    url: `${bed.echo.url}/fail`,
    query: { q: "{{ input.q }}" },
  });
  const ended = await bed.start(bed.ada, workflow, { q: TOKEN });
  assert.equal(ended.error?.code, "http_status");
  // What the person gave as input stays theirs; from the node on that opened the secret it is gone.
  const steps = await listSteps(bed.request, bed.ada, ended.id);
  const step = JSON.stringify(steps.find(({ nodeId }) => nodeId === "call"));
  assert.match(step, /"q":"\[redacted\]".*said.*Bearer \[redacted\]/);
  assert.ok(!step.includes("4711") && !JSON.stringify(ended.error).includes("4711"));
});

test("S32: a test is a run of its own, and tells how it went", async () => {
  type Test = {
    executionId: string;
    status: string;
    ok?: boolean;
    httpStatus?: number;
    error?: { code: string };
  };
  const id = await bed.create(bed.ada, { data: { token: TOKEN } });
  const ask = (body?: unknown) =>
    bed.request<Test>("POST", `/api/credentials/${id}/test`, { token: bed.ada.token, body });
  const good = await ask({ url: `${bed.echo.url}/x` });
  assert.equal(good.status, 200, good.text);
  assert.deepEqual([good.body.ok, good.body.httpStatus], [true, 200]);
  assert.equal(lastHeaders().authorization, `Bearer ${TOKEN}`);
  const bad = await ask({ url: `${bed.echo.url}/fail` });
  assert.deepEqual([bad.status, bad.body.ok, bad.body.error?.code], [200, false, "http_status"]);
  assert.doesNotMatch(good.text + bad.text, /of-ada-4711/);
  const { body } = await bed.request<{ items: { name: string }[] }>("GET", "/api/workflows?q=credential", {
    token: bed.ada.token,
  });
  assert.deepEqual(body.items, []);
  const actions = await asAdmin<{ action: string }>(
    bed.database,
    "select action from audit_logs where target_id = $1 order by seq",
    [id],
  );
  assert.deepEqual(
    actions.map(({ action }) => action),
    ["credential.created", "credential.tested", "credential.used", "credential.tested", "credential.used"],
  );
  assert.equal((await bed.request("DELETE", `/api/credentials/${id}`, { token: bed.ada.token })).status, 204);
});

test("A69: an answer packed as nobody here can unpack it is not stored where a credential went out", async () => {
  const config = { url: `${bed.echo.url}/packed`, headers: { "accept-encoding": "zstd" } };
  const refused = await bed.run(bed.ada, await bed.create(bed.ada), config);
  assert.equal(refused.status, "failed");
  assert.equal(refused.error?.code, "http_bad_encoding");
  const bare = chain({ id: "call", type: "http.request", config });
  const ended = await bed.start(bed.ada, await createWorkflow(bed.request, bed.ada, bare));
  assert.equal(ended.status, "succeeded", "without one it is the author's business");
});
