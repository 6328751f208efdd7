// S70 (b): who reads what an execution or a file holds is in the workspace's audit log before they have it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi } from "../support/api.ts";
import { runScript } from "../support/run-script.ts";
import { chain } from "../support/workflows.ts";
import { findOpenAnswers, type OpenApi } from "./audited-reads/open-answers.ts";
import { createReadBed, type ReadBed, SECRET } from "./audited-reads/read-bed.ts";
import { NO_DATA, OWN_ENTRIES, QUOTES, READS } from "./audited-reads/read-calls.ts";

let bed: ReadBed;

before(async () => {
  bed = await createReadBed();
});
after(() => bed?.close());

test("S70: every route whose answer has room for anything is audited, or says why not", async () => {
  const { body } = await bed.api.request<OpenApi>("GET", "/openapi.json");
  const open = findOpenAnswers(body);
  const listed = [READS, OWN_ENTRIES, NO_DATA].flatMap((list) => Object.keys(list));
  const forgotten = [...open].filter(([route]) => !listed.includes(route));
  assert.deepEqual(forgotten, [], "add them to test/security/audited-reads/read-calls.ts");
  assert.deepEqual(
    listed.filter((route) => !open.has(route) && !QUOTES.includes(route)),
    [],
    "lines for routes that are gone, or answer with nothing of the kind",
  );
  const payloads = [...open].filter(
    ([route, places]) => !(route in NO_DATA) && places.some((place) => /\.(input|output)$/.test(place)),
  );
  assert.equal(payloads.length, 3);
});

for (const [route, { action, how, make, ask }] of Object.entries(READS)) {
  test(`S70: ${route} of labelled data is in the log when it is answered`, async () => {
    const place = await bed.addPlace();
    const id = await make(bed, place, ["phi", "pii"]);
    const reply = await ask(bed, bed.reader, id, ["phi", "pii"]);
    const entries = await bed.readsIn(place);
    assert.deepEqual([reply.status, reply.text.includes(SECRET)], [200, true]);
    assert.deepEqual(
      entries.map(({ targetId: _id, ...entry }) => entry),
      [{ actorId: bed.reader.userId, action, details: { how, labels: ["phi", "pii"] } }],
    );
    assert.equal(entries[0]?.targetId, how === "wait" ? reply.body.id : id);
  });

  test(`S70: ${route} of data without a label is in the log where the workspace asks for it, only there`, async () => {
    for (const auditReads of [false, true]) {
      const place = await bed.addPlace({ auditReads });
      const reply = await ask(bed, bed.reader, await make(bed, place, []), []);
      assert.deepEqual([reply.status, reply.text.includes(SECRET)], [200, true]);
      const details = (await bed.readsIn(place)).map((entry) => entry.details);
      assert.deepEqual(details, auditReads ? [{ how, labels: [] }] : []);
    }
  });

  test(`S70: ${route} gives nothing away when its entry cannot be written`, async () => {
    const place = await bed.addPlace();
    const id = await make(bed, place, ["phi"]);
    const reply = await bed.withoutAudit(() => ask(bed, bed.reader, id, ["phi"]));
    assert.deepEqual([reply.status, reply.text.includes(SECRET)], [500, false]);
    assert.deepEqual(await bed.readsIn(place), []);
  });

  test(`S70 A11: ${route} of another workspace is not found and leaves no entry`, async () => {
    const place = await bed.addPlace({ auditReads: true });
    const id = await make(bed, place, ["phi"]);
    assert.equal((await ask(bed, bed.stranger, id, ["phi"])).status, 404);
    assert.deepEqual(await bed.readsIn(place), []);
    assert.deepEqual(await bed.readsIn(bed.stranger.workspaceId), []);
  });
}

for (const [route, { action, ask }] of Object.entries(OWN_ENTRIES)) {
  test(`S70: ${route} is ${action} in the log`, async () => {
    const place = await bed.addPlace();
    assert.ok((await ask(bed, place)).status < 300);
    const { rows } = await bed.bed.admin.query(
      "select actor_id from audit_logs where chain_id = $1 and action = $2",
      [place, action],
    );
    assert.deepEqual(rows, [{ actor_id: bed.owner.userId }]);
  });
}

test("S70: a viewer who polls is one entry, with their API key another that names the key", async () => {
  const place = await bed.addPlace({ role: "viewer" });
  const path = `/api/executions/${await bed.addExecution(place, ["phi"])}`;
  const key = await bed.api.request<{ id: string; key: string }>("POST", "/auth/api-keys", {
    token: bed.reader.token,
    body: { name: "screen", scopes: ["read"] },
  });
  for (const token of [bed.reader.token, bed.reader.token, key.body.key, key.body.key]) {
    assert.equal((await bed.api.request("GET", path, { token })).status, 200);
  }
  const details = (await bed.readsIn(place)).map((entry) => entry.details);
  const read = { how: "execution", labels: ["phi"] };
  assert.deepEqual(details, [read, { ...read, apiKeyId: key.body.id }]);
});

test("S70: owners say whether all reads are audited, every api hears it at once, and the change is in the log", async (t) => {
  const other = await startTestApi(bed.bed.databaseUrl, { actorCacheMs: 60_000 });
  t.after(() => other.close());
  const place = await bed.addPlace({ role: "editor" });
  const patch = (token: string, auditReads: boolean) =>
    bed.api.request("PATCH", `/api/workspaces/${place}`, { token, body: { auditReads } });
  const read = async () => {
    const id = await bed.addExecution(place);
    const { status } = await other.request("GET", `/api/executions/${id}`, bed.reader);
    assert.equal(status, 200);
    return (await bed.readsIn(place)).length;
  };
  assert.equal((await bed.api.request("GET", `/api/workspaces/${place}`, bed.reader)).body.auditReads, false);
  assert.equal(await read(), 0);
  assert.equal((await patch(bed.reader.token, true)).status, 403);
  assert.equal((await patch(bed.owner.token, true)).body.auditReads, true);
  assert.equal(await read(), 1);
  assert.equal((await patch(bed.owner.token, true)).status, 200);
  assert.equal((await patch(bed.owner.token, false)).body.auditReads, false);
  assert.equal(await read(), 1);
  const { rows } = await bed.bed.admin.query(
    "select details from audit_logs where chain_id = $1 and action = 'workspace.audit_reads_changed' order by seq",
    [place],
  );
  assert.deepEqual(
    rows.map((row) => row.details),
    [{ auditReads: true }, { auditReads: false }],
  );
});

test("S70: what a workflow's settings say of its data stands on each execution, beside what the submission says", async () => {
  const place = await bed.addPlace();
  const graph = { ...chain(), settings: { labels: ["phi", "pci"] } };
  const { token } = bed.owner;
  const body = { name: "ward", graph, workspaceId: place };
  const workflow = await bed.api.request<{ id: string }>("POST", "/api/workflows", { token, body });
  const path = `/api/workflows/${workflow.body.id}/executions`;
  await bed.api.request("POST", path, { token, body: { labels: ["pii", "phi"] } });
  await bed.api.request("POST", `${path}/batch`, { token, body: { inputs: [1] } });
  const { rows } = await bed.bed.admin.query(
    "select id, labels from workflow_executions where workspace_id = $1 order by id",
    [place],
  );
  assert.deepEqual(
    rows.map((row) => row.labels),
    [
      ["pci", "phi", "pii"],
      ["pci", "phi"],
    ],
  );
  await bed.api.request("GET", `/api/executions/${rows[1]?.id}`, bed.reader);
  assert.deepEqual(
    (await bed.readsIn(place)).map((entry) => entry.details),
    [{ how: "execution", labels: ["pci", "phi"] }],
  );
});

test("S70: a file says its labels, its upload too, and no other words are labels", async () => {
  const place = await bed.addPlace();
  const { token } = bed.owner;
  const upload = (labels: string) =>
    bed.api.request("POST", `/api/files?workspaceId=${place}&labels=${labels}`, {
      ...{ token, body: "bytes", headers: { "content-type": "text/plain" } },
    });
  assert.deepEqual((await upload("phi,pci,phi")).body.labels, ["pci", "phi"]);
  for (const bad of ["secret", "phi,", "", "PHI"]) assert.equal((await upload(bad)).status, 400, bad);
  const { rows } = await bed.bed.admin.query(
    "select details -> 'labels' as labels from audit_logs where chain_id = $1 and action = 'file.created'",
    [place],
  );
  assert.deepEqual(rows, [{ labels: ["pci", "phi"] }]);
});

test("S70: reads are found in the log and hold when it is verified", async () => {
  const place = await bed.addPlace();
  const id = await bed.addExecution(place, ["privileged"]);
  for (const rest of ["", "/steps", "/events"]) {
    await bed.api.request("GET", `/api/executions/${id}${rest}`, bed.reader);
  }
  const { token } = bed.owner;
  const search = async (query: string) => {
    const path = `/api/audit-logs?workspaceId=${place}&${query}`;
    const { body } = await bed.api.request<{ items: { targetId: string; actorEmail: string }[] }>(
      "GET",
      path,
      { token },
    );
    return body.items.map((item) => [item.targetId, item.actorEmail]);
  };
  const entry = [id, bed.reader.email];
  for (const query of ["action=execution.read", "q=privileged", `actorId=${bed.reader.userId}`]) {
    assert.deepEqual(await search(query), [entry, entry, entry], query);
  }
  assert.deepEqual(await search("q=privileged+steps"), [entry]);
  const { code, out } = await runScript("audit-verify.ts", ["--workspace", place], {
    DATABASE_URL: bed.bed.databaseUrl,
    ENCRYPTION_KEYS: "test:0123456789abcdef0123456789abcdef",
  });
  assert.equal(code, 0, out);
});

test("S70: what holds no data is no read: lists, a file's headers, a known content, a key used again", async () => {
  const place = await bed.addPlace({ auditReads: true });
  await bed.addExecution(place, ["phi"]);
  const file = `/api/files/${await bed.addFile(place, ["phi"])}`;
  const { token } = bed.reader;
  const { headers } = await bed.api.request("HEAD", file, { token });
  const known = { "if-none-match": headers.get("etag") ?? "" };
  assert.equal((await bed.api.request("GET", file, { token, headers: known })).status, 304);
  for (const list of ["executions", "files"]) {
    await bed.api.request("GET", `/api/${list}?workspaceId=${place}`, { token });
  }
  const path = `/api/workflows/${await bed.addWorkflow(place)}/executions`;
  const again = { token, body: { input: 1 }, headers: { "idempotency-key": "once" } };
  for (const _round of [1, 2]) assert.equal((await bed.api.request("POST", path, again)).status, 202);
  assert.deepEqual(await bed.readsIn(place), []);
  for (const range of ["bytes=0-3", "bytes=4-"]) {
    const part = await bed.api.request("GET", file, { token, headers: { range } });
    assert.equal(part.status, 206);
  }
  assert.deepEqual(
    (await bed.readsIn(place)).map((entry) => entry.action),
    ["file.read"],
  );
});
