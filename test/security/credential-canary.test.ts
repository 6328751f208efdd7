// A69: a secret stored as a credential and used against an echo shows nowhere: not in tables, Redis, logs or answers.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import type { Person } from "../support/client.ts";
import { findRedisServer, startRedis } from "../support/redis-server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { chain, createWorkflow } from "../support/workflows.ts";
import { type Canary, createCanary, dumpDatabase, dumpRedis, sightings } from "./canary.ts";
import { type CredentialBed, createCredentialBed } from "./credential-bed.ts";

const MARKER = "this-is-seen-everywhere";

/** One of each type, each with a canary of its own; quotes and slashes tell the spellings apart. */
const bearer = createCanary('b"e/a+*r=');
const basic = createCanary("b:a s/ü*&c");
const header = createCanary('h"e/a*d+er');
const postgres = createCanary("p%2Fg*");
const environment = createCanary("e/n*v");
const file = createCanary("f+i*le");
const vaultToken = createCanary("v/t*");
const vaultValue = createCanary('v"v*');
const refused = createCanary("r*\n");
const CANARIES: readonly Canary[] = [
  bearer,
  basic,
  header,
  postgres,
  environment,
  file,
  vaultToken,
  vaultValue,
  refused,
];

type Own = { type: string; data: Record<string, unknown>; allowedHosts?: string[] };

const plain: readonly Own[] = [
  { type: "http.bearer", data: { token: bearer.value } },
  { type: "http.basic", data: { username: "ada", password: basic.value } },
  { type: "http.header", data: { name: "X-Key", value: header.value } },
];
const references = (vaultUrl: string): readonly Own[] => [
  { type: "ref.env", data: { name: "ATELIER_SECRET_CANARY", as: { type: "http.basic", username: "ada" } } },
  { type: "ref.file", data: { path: "canary", as: { type: "http.header", name: "X-Key-2" } } },
  {
    type: "ref.vault",
    data: { url: `${vaultUrl}/vault`, path: "shop/key", field: "key", token: vaultToken.value },
  },
];

/** Every way in which an answer could be stored: success, an error's excerpt, retries, and another node's output. */
async function storeAndUse(bed: CredentialBed, person: Person, own: Own): Promise<string[]> {
  const id = await bed.create(person, own);
  const data = { credentials: { auth: id } };
  const retry = { maxAttempts: 2, backoffMs: 0, maxBackoffMs: 0 };
  const call = (name: string, at: string, more: Record<string, unknown> = {}) => ({
    id: name,
    type: "http.request",
    config: { url: `${bed.echo.url}${at}?${MARKER}` },
    data: { ...data, ...more },
  });
  const graph = chain(
    call("fine", "/fine"),
    call("fails", "/fail", { onError: "continue" }),
    call("breaks", "/broken", { onError: "continue", retry }),
    { id: "again", type: "data.transform", config: { value: "{{ nodes }}" } },
    call("last", "/last"),
  );
  const workflow = await createWorkflow(bed.request, person, graph);
  const ended = await bed.start(person, workflow, { note: MARKER });
  assert.equal(ended.status, "succeeded", JSON.stringify(ended.error));
  const failing = await createWorkflow(bed.request, person, chain(call("fails", "/fail")));
  const failed = await bed.start(person, failing);
  const body = { url: `${bed.echo.url}/tested` };
  const tested = await bed.request("POST", `/api/credentials/${id}/test`, { token: person.token, body });
  assert.equal(tested.body.ok, true, tested.text);
  const update = { data: own.data, name: `${own.type} renamed` };
  const patched = await bed.request("PATCH", `/api/credentials/${id}`, { token: person.token, body: update });
  assert.equal(patched.status, 200);
  assert.deepEqual(sightings(tested.text + patched.text, CANARIES), []);
  return [id, workflow, failing, ended.id, failed.id, String(tested.body.executionId)];
}

/** The text of every answer to a GET of the document, with every id in every place. */
async function crawl(
  bed: CredentialBed,
  person: Person,
  ids: readonly string[],
): Promise<Map<string, string>> {
  type Document = { paths: Record<string, Record<string, unknown>> };
  const { body: document } = await bed.request<Document>("GET", "/openapi.json");
  const paths = Object.entries(document.paths).filter(([, methods]) => "get" in methods);
  assert.ok(paths.length > 15);
  const answers = new Map<string, string>();
  for (const [template] of paths) {
    const withIds = template.includes("{id}") ? ids.map((id) => template.replace("{id}", id)) : [template];
    for (const one of withIds) {
      const url = one.replaceAll(/\{\w+\}/g, "1");
      const { status, text } = await bed.request("GET", url, { token: person.token });
      answers.set(`${status} ${url}`, text);
    }
  }
  return answers;
}

async function readBoard(bed: CredentialBed): Promise<string> {
  const session = await bed.request("POST", "/auth/queues-session", { token: bed.root.token, body: {} });
  const cookie = session.headers
    .getSetCookie()
    .map((one) => one.split(";")[0])
    .join("; ");
  const board = await bed.request("GET", "/queues/api/queues?page=1&jobsPerPage=100", { cookie });
  assert.equal(board.status, 200, board.text);
  return board.text;
}

const redis = findRedisServer();
const profiles = [
  { name: "BullMQ on PostgreSQL", start: async () => null },
  { name: "BullMQ on Redis", start: async () => ("skip" in redis ? null : startRedis(redis.program)) },
];

for (const profile of profiles) {
  const skip = profile.name.endsWith("Redis") && "skip" in redis ? redis.skip : false;
  test(`A69: a canary in a credential of each type is seen nowhere, ${profile.name}`, { skip }, async () => {
    const secretsDir = temporaryFolder({ after });
    writeFileSync(path.join(secretsDir, "canary"), `${file.value}\n`);
    const server = await profile.start();
    const bed = await createCredentialBed({
      vaultValue: vaultValue.value,
      environment: {
        LOG_LEVEL: "debug",
        SECRETS_DIR: secretsDir,
        ATELIER_SECRET_CANARY: environment.value,
        ...(server && { REDIS_URL: server.url }),
      },
    });
    try {
      await bed.platform.start("scheduler");
      await bed.create(bed.ada, {
        type: "postgres",
        data: { url: `postgres://u:${postgres.value}@db.test/x` },
      });
      const bad = { name: "x", type: "http.bearer", data: { token: refused.value }, allowedHosts: ["*"] };
      const answer = await bed.request("POST", "/api/credentials", { token: bed.ada.token, body: bad });
      assert.equal(answer.status, 400);
      assert.deepEqual(sightings(answer.text, CANARIES), []);
      const ids: string[] = [];
      for (const own of plain) ids.push(...(await storeAndUse(bed, bed.ada, own)));
      for (const own of references(bed.echo.url)) ids.push(...(await storeAndUse(bed, bed.root, own)));

      // The world outside got every one of them: what was not sent could not be seen.
      const sent = bed.echo.requests.map((one) => JSON.stringify(one.headers)).join("\n");
      const unsent = [postgres, refused].map((one) => CANARIES.indexOf(one));
      assert.deepEqual(
        sightings(sent, CANARIES),
        CANARIES.map((_, index) => index).filter((index) => !unsent.includes(index)),
      );

      const places = new Map<string, string>();
      for (const [table, rows] of await dumpDatabase(bed.database.adminUrl))
        places.set(`table ${table}`, rows);
      for (const process of bed.platform.processes())
        places.set(`log of ${process.role}`, process.log.join(""));
      for (const person of [bed.ada, bed.root]) {
        const name = person === bed.ada ? "ada" : "the admin";
        for (const [url, text] of await crawl(bed, person, ids)) places.set(`${url} to ${name}`, text);
      }
      places.set("bull-board", await readBoard(bed));
      if (server) places.set("redis", await dumpRedis(server.client));

      const seen = [...places].filter(([, text]) => sightings(text, CANARIES).length > 0);
      assert.deepEqual(
        seen.map(([place]) => place),
        [],
      );
      assertLooked(places, ids);
    } finally {
      await bed.close();
      await server?.stop();
    }
  });
}

/** The search itself is put to the test: what must be in those places is found there. */
function assertLooked(places: ReadonlyMap<string, string>, ids: readonly string[]): void {
  const holding = (text: string) =>
    [...places].filter(([, held]) => held.includes(text)).map(([place]) => place);
  const marked = holding(MARKER).join("\n");
  for (const place of [
    /table execution_steps_/,
    /table workflow_executions_/,
    /\/steps to ada/,
    /\/steps to the admin/,
  ]) {
    assert.match(marked, place);
  }
  const redacted = holding("[redacted]").join("\n");
  for (const place of [/table execution_steps_/, /\/steps to ada/, /\/events to ada/])
    assert.match(redacted, place);
  const named = holding(ids[0] ?? "").join("\n");
  for (const place of [/table audit_logs/, /table credentials/, /200 \/api\/audit-logs to ada/]) {
    assert.match(named, place);
  }
  assert.ok(!named.includes("200 /api/credentials to the admin"), "an admin does not see what is ada's");
  for (const role of ["api", "worker", "scheduler"])
    assert.ok((places.get(`log of ${role}`) ?? "").includes(role), role);
  assert.ok(holding(ids[3] ?? "").includes("log of worker"), "the worker's log at debug names executions");
}
