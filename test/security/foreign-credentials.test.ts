// A18, A19: somebody else's credential does not exist, at save, in a test, in a run, by id or by name.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { Person } from "../support/client.ts";
import { asAdmin } from "../support/query.ts";
import { chain } from "../support/workflows.ts";
import { type CredentialBed, createCredentialBed } from "./credential-bed.ts";

type Problem = { code: string; errors?: { code: string; path: string; message: string }[] };

let bed: CredentialBed;
let eve: Person;
/** Ada's. */
let credential: string;

before(async () => {
  bed = await createCredentialBed();
  eve = bed.root;
  credential = await bed.create(bed.ada, { name: "Of Ada", data: { token: "secret-of-ada-4711" } });
});

after(async () => {
  await bed?.close();
});

const citing = (id: string) =>
  chain({
    id: "call",
    type: "http.request",
    config: { url: `${bed.echo.url}/eve` },
    data: { credentials: { auth: id } },
  });

test("A18: a workflow that cites another's credential is not saved, and told as for one that is not there", async () => {
  const save = (id: string) =>
    bed.request<Problem>("POST", "/api/workflows", {
      token: eve.token,
      body: { name: "x", graph: citing(id) },
    });
  const foreign = await save(credential);
  const none = await save(randomUUID());
  assert.equal(foreign.status, 404, foreign.text);
  assert.deepEqual(
    foreign.body.errors?.map(({ code, path }) => [code, path]),
    [["unknown_credential", "nodes.1.data.credentials.auth"]],
  );
  assert.deepEqual({ ...foreign.body, requestId: "" }, { ...none.body, requestId: "" });
  assert.doesNotMatch(foreign.text, /Of Ada/);
});

test("A18: nor is a change of one that was clean", async () => {
  const clean = chain({ id: "call", type: "http.request", config: { url: bed.echo.url } });
  const token = eve.token;
  const made = await bed.request<{ id: string }>("POST", "/api/workflows", {
    token,
    body: { name: "x", graph: clean },
  });
  const body = { graph: citing(credential) };
  assert.equal((await bed.request("PUT", `/api/workflows/${made.body.id}`, { token, body })).status, 404);
});

test("A18: a name in place of an id is no citation at all", async () => {
  const body = { name: "x", graph: citing("Of Ada") };
  const reply = await bed.request<Problem>("POST", "/api/workflows", { token: eve.token, body });
  assert.equal(reply.status, 422);
});

test("A18: put into the database by hand, it fails the run closed, and the attempt is in the log", async () => {
  const own = await bed.create(eve);
  const workflow = await bed.save(eve, own, { url: `${bed.echo.url}/eve` });
  await asAdmin(bed.database, "alter table workflow_versions disable trigger workflow_versions_immutable");
  await asAdmin(bed.database, "update workflow_versions set graph = $2 where workflow_id = $1", [
    workflow,
    JSON.stringify(citing(credential)),
  ]);
  await asAdmin(bed.database, "alter table workflow_versions enable trigger workflow_versions_immutable");
  const before = bed.echo.requests.length;
  // Ada's own runs at the same time: one transaction sees both workspaces.
  const adas = await bed.save(bed.ada, credential, { url: `${bed.echo.url}/ada` });
  const ended = await Promise.all([
    ...Array.from({ length: 5 }, () => bed.start(eve, workflow)),
    ...Array.from({ length: 5 }, () => bed.start(bed.ada, adas)),
  ]);
  assert.deepEqual(
    ended.map(({ error }) => error?.code ?? "ok"),
    [...Array.from({ length: 5 }, () => "credential_not_found"), ...Array.from({ length: 5 }, () => "ok")],
  );
  const received = bed.echo.requests.slice(before).map(({ path }) => path);
  assert.deepEqual(
    received,
    Array.from({ length: 5 }, () => "/ada"),
  );
  const refused = await asAdmin<{ chain_id: string; actor_id: string }>(
    bed.database,
    "select distinct chain_id, actor_id from audit_logs where action = 'credential.refused'",
  );
  assert.deepEqual(refused, [{ chain_id: eve.workspaceId, actor_id: eve.userId }]);
});

const calls: [method: string, path: (id: string) => string, body?: unknown][] = [
  ["GET", (id) => `/api/credentials/${id}`],
  ["PATCH", (id) => `/api/credentials/${id}`, { name: "mine" }],
  ["DELETE", (id) => `/api/credentials/${id}?force=true`],
  ["POST", (id) => `/api/credentials/${id}/test`, { url: "http://evil.example.com/" }],
];

for (const [method, pathOf, body] of calls) {
  test(`A19: ${method} ${pathOf(":id")} of another's answers as for a random id, to an instance admin too`, async () => {
    const options = { token: eve.token, body };
    const foreign = await bed.request(method, pathOf(credential), options);
    const none = await bed.request(method, pathOf(randomUUID()), options);
    assert.equal(foreign.status, 404, foreign.text);
    assert.deepEqual({ ...foreign.body, requestId: "" }, { ...none.body, requestId: "" });
  });
}

test("A19: one's own is not tested against a host outside its binding", async () => {
  const own = await bed.create(eve);
  const path = `/api/credentials/${own}/test`;
  const before = bed.echo.requests.length;
  for (const url of [
    "http://evil.example.com/",
    "http://127.0.0.1:1/",
    `http://evil.example.com/?${bed.echo.url}`,
  ]) {
    const reply = await bed.request<Problem>("POST", path, { token: eve.token, body: { url } });
    assert.equal(reply.status, 403, reply.text);
    assert.equal(reply.body.code, "credential_refused");
  }
  const bad = await bed.request<Problem>("POST", path, {
    token: eve.token,
    body: { url: "file:///etc/passwd" },
  });
  assert.equal(bad.status, 400);
  const wide = await bed.create(eve, { allowedHosts: ["*"] });
  const guess = await bed.request<Problem>("POST", `/api/credentials/${wide}/test`, { token: eve.token });
  assert.equal(guess.status, 400, "without an address there is none to guess");
  assert.equal(bed.echo.requests.length, before);
  const runs = await asAdmin(
    bed.database,
    "select from workflow_executions where trigger_type = 'credential.test'",
  );
  assert.equal(runs.length, 0);
});

test("A11: lists show one's own only, whatever is asked for", async () => {
  for (const query of ["", "?type=http.bearer", "?limit=200"]) {
    const { text } = await bed.request("GET", `/api/credentials${query}`, { token: eve.token });
    assert.doesNotMatch(text, /Of Ada/, query);
  }
  const foreign = `/api/credentials?workspaceId=${bed.ada.workspaceId}`;
  assert.equal((await bed.request("GET", foreign, { token: eve.token })).status, 404);
  const body = {
    name: "x",
    type: "http.bearer",
    data: { token: "t" },
    allowedHosts: ["*"],
    workspaceId: bed.ada.workspaceId,
  };
  assert.equal((await bed.request("POST", "/api/credentials", { token: eve.token, body })).status, 404);
});
