// A35, A47, A50: what a stranger sends is data, of bounded size, and never the name of something on this side.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createHookBed, type Hook, type HookBed, sign } from "./hook-bed.ts";

let bed: HookBed;
let open: Hook;
before(async () => {
  bed = await createHookBed();
  open = await bed.addHook({ type: "none" });
});
after(() => bed?.close());

async function inputOf(body: string | Buffer, headers: Record<string, string>, query = "") {
  const reply = await bed.api.request("POST", `/hooks/${open.token}${query}`, { body, headers });
  assert.equal(reply.status, 202, reply.text);
  const run = await bed.bed.execution(String(reply.body.executionId));
  return { input: run.input, trigger: run.trigger as Record<string, unknown> };
}

const FILES = '{"files":{"x":{"filepath":"/etc/passwd","path":"/etc/passwd"}}}';

test("A50: a body that names a file by its path is given on as it was sent, whatever type it says it is", async () => {
  const boundary = "----b";
  const part = `--${boundary}\r\nContent-Disposition: form-data; name="x"; filename="/etc/passwd"\r\n\r\n\r\n--${boundary}--\r\n`;
  for (const [type, body, expected] of [
    ["application/json", FILES, JSON.parse(FILES)],
    ["application/vnd.api+json; charset=utf-8", FILES, JSON.parse(FILES)],
    ["text/plain", FILES, FILES],
    [
      "application/x-www-form-urlencoded",
      "files[x][filepath]=/etc/passwd",
      { "files[x][filepath]": "/etc/passwd" },
    ],
    ["application/octet-stream", FILES, base64("application/octet-stream", FILES)],
    [
      `multipart/form-data; boundary=${boundary}`,
      part,
      base64(`multipart/form-data; boundary=${boundary}`, part),
    ],
    ["multipart/form-data", FILES, base64("multipart/form-data", FILES)],
    ["multipart/form-data, application/json", FILES, base64("multipart/form-data, application/json", FILES)],
  ] as const) {
    const { input } = await inputOf(body, { "content-type": type });
    assert.deepEqual(input, expected, type);
    assert.equal(JSON.stringify(input).includes("root:"), false, type);
  }
});

function base64(contentType: string, body: string) {
  return { contentType, base64: Buffer.from(body).toString("base64") };
}

test("A50: a delivery cannot name a file of the workspace either", async () => {
  for (const id of [uuidv7(), "/etc/passwd"]) {
    const body = JSON.stringify({ deep: [{ $file: id }] });
    const { status, body: problem } = await bed.deliver(open, body);
    assert.deepEqual([status, problem.code], [400, "invalid_request"]);
  }
  const named = `$file=${uuidv7()}`;
  for (const [query, body, type] of [
    [`?${named}`, "{}", "application/json"],
    [`?a=b&%24file=x&${named.slice(1)}`, "{}", "application/json"],
    ["", named, "application/x-www-form-urlencoded"],
  ] as const) {
    const headers = { "content-type": type };
    const { status, body: problem } = await bed.api.request("POST", `/hooks/${open.token}${query}`, {
      body,
      headers,
    });
    assert.deepEqual([status, problem.code], [400, "invalid_request"], query);
  }
});

test("A35: what looks like an expression is stored as it was sent", async () => {
  const body = { a: "{{7*7}}", "{{ input }}": ["{{ $now() }}"] };
  assert.deepEqual((await inputOf(JSON.stringify(body), { "content-type": "application/json" })).input, body);
});

test("forms keep fields that come twice, text stays text, and nothing is an empty object", async () => {
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assert.deepEqual(
    (await inputOf("a=1&b=x+y&a=%32&__proto__=z", form)).input,
    JSON.parse('{"a":["1","2"],"b":"x y","__proto__":"z"}'),
  );
  assert.deepEqual((await inputOf("grüß", { "content-type": "text/csv" })).input, "grüß");
  const reply = await fetch(`${bed.api.url}/hooks/${open.token}`, { method: "POST" });
  const { executionId } = (await reply.json()) as { executionId: string };
  assert.deepEqual((await bed.bed.execution(executionId)).input, {});
});

test("the bytes are verified before they are read: what is signed and no JSON is 400, unsigned 401", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256" });
  for (const body of ['{"a":', '{"a":"\\u0000"}', Buffer.from([0x22, 0xff, 0x22])]) {
    const headers = { "x-signature": sign(hook.secret, body) };
    assert.equal((await bed.deliver(hook, body, headers)).status, 400);
    assert.equal((await bed.deliver(hook, body)).status, 401);
  }
  // Other spaces, the same JSON: another signature.
  const headers = { "x-signature": sign(hook.secret, '{"a":1}') };
  assert.equal((await bed.deliver(hook, '{"a": 1}', headers)).status, 401);
  assert.equal((await bed.deliver(hook, '{"a":1}', headers)).status, 202);
});

test("A47: more than 2 MB is 413 and a compressed body 415, before anything is unpacked", async () => {
  const big = JSON.stringify("x".repeat(2 * 1_024 * 1_024));
  assert.equal((await bed.deliver(open, big)).status, 413);
  const packed = await bed.deliver(open, Buffer.from("1f8b0800", "hex"), { "content-encoding": "gzip" });
  assert.equal(packed.status, 415);
  const fits = JSON.stringify("x".repeat(2 * 1_024 * 1_024 - 2));
  assert.equal((await bed.deliver(open, fits)).status, 202);
});

test("a workflow sees what describes a delivery, and nothing that proves anything", async () => {
  const { trigger } = await inputOf(
    "{}",
    {
      "content-type": "application/json",
      authorization: "Bearer 4711",
      cookie: "a=4711",
      "x-hub-signature-256": "4711",
      "stripe-signature": "4711",
      "x-api-key": "4711",
      "x-forwarded-for": "4711",
      "x-github-event": "push",
      "idempotency-key": "k-1",
      "user-agent": "sender/1",
    },
    "?team=a&team=b&from=%C3%BC",
  );
  assert.equal(JSON.stringify(trigger).includes("4711"), false);
  const { headers, query, deliveryId, method } = trigger as Record<string, Record<string, unknown>>;
  assert.deepEqual([query, deliveryId, method], [{ team: ["a", "b"], from: "ü" }, "k-1", "POST"]);
  assert.deepEqual(
    [headers?.["x-github-event"], headers?.["user-agent"], headers?.["content-type"]],
    ["push", "sender/1", "application/json"],
  );
});

test("a header that carries this webhook's own proof is not handed on, known name or not", async () => {
  const hook = await bed.addHook({ type: "bearer", secret: "4711-4711", header: "User-Agent" });
  const reply = await bed.deliver(hook, "{}", { "user-agent": "4711-4711" });
  assert.equal(reply.status, 202);
  const run = await bed.bed.execution(String(reply.body.executionId));
  assert.equal(JSON.stringify(run.trigger).includes("4711-4711"), false);
});
