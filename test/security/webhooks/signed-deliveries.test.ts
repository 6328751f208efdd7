// A55, A56, C7: only who knows the secret starts anything, and each delivery runs once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { lockHeads } from "#core/persistence/audit/audit-logs.ts";
import { createHookBed, githubHeaders, type HookBed, sign, stripeHeaders } from "./hook-bed.ts";

let bed: HookBed;
before(async () => {
  bed = await createHookBed();
});
after(() => bed?.close());

const BODY = '{"order":7}';

test("a delivery of each style starts the workflow with what was sent, in the name of the hook's owner", async () => {
  const seconds = String(Math.floor(Date.now() / 1_000));
  const cases: Record<string, (secret: string) => Record<string, string>> = {
    generic: (secret) => ({ "x-signature": sign(secret, BODY) }),
    github: (secret) => githubHeaders(secret, BODY),
    stripe: (secret) => stripeHeaders(secret, BODY),
    shopify: (secret) => ({ "x-shopify-hmac-sha256": sign(secret, BODY, "base64") }),
    slack: (secret) => ({
      "x-slack-request-timestamp": seconds,
      "x-slack-signature": `v0=${sign(secret, `v0:${seconds}:${BODY}`)}`,
    }),
  };
  for (const [style, headersOf] of Object.entries(cases)) {
    const hook = await bed.addHook({ type: "hmac-sha256", style });
    const reply = await bed.deliver(hook, BODY, headersOf(hook.secret));
    assert.deepEqual([reply.status, Object.keys(reply.body)], [202, ["executionId"]], style);
    const [run, ...rest] = await bed.executionsOf(hook.workflowId);
    assert.equal(rest.length, 0);
    assert.equal(run?.id, reply.body.executionId);
    assert.deepEqual(run?.input, { order: 7 });
    assert.deepEqual(
      [run?.user_id, run?.trigger_type, run?.trigger_node],
      [bed.owner.userId, "webhook", "hook"],
    );
    const { webhookId, method } = (run?.trigger ?? {}) as Record<string, unknown>;
    assert.deepEqual([webhookId, method], [hook.id, "POST"]);
  }
});

test("A55: an unsigned delivery is 401, and so is one with the wrong secret: one answer for both, and nothing runs", async () => {
  for (const verify of [
    { type: "hmac-sha256" },
    { type: "hmac-sha256", style: "github" },
    { type: "hmac-sha256", style: "stripe" },
    { type: "bearer" },
  ]) {
    const hook = await bed.addHook(verify);
    const wrong = {
      authorization: "Bearer wrong",
      ...githubHeaders("wrong", BODY),
      ...stripeHeaders("wrong", BODY),
    };
    const answers = await Promise.all([bed.deliver(hook, BODY), bed.deliver(hook, BODY, wrong)]);
    for (const { status, body } of answers) {
      assert.deepEqual([status, body.code], [401, "invalid_signature"], JSON.stringify(verify));
    }
    assert.equal(answers[0].body.detail, answers[1].body.detail);
    assert.deepEqual(await bed.executionsOf(hook.workflowId), []);
  }
});

test("A56: a changed byte, a signature of another length and a skewed time are 401", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256", style: "stripe" });
  const now = Math.floor(Date.now() / 1_000);
  const good = stripeHeaders(hook.secret, BODY);
  for (const [body, headers] of [
    ['{"order":8}', good],
    [`${BODY} `, good],
    [BODY, { "stripe-signature": `${good["stripe-signature"]}0` }],
    [BODY, stripeHeaders(hook.secret, BODY, now - 310)],
    [BODY, stripeHeaders(hook.secret, BODY, now + 310)],
  ] as const) {
    assert.equal((await bed.deliver(hook, body, headers)).status, 401, JSON.stringify(headers));
  }
  assert.deepEqual(await bed.executionsOf(hook.workflowId), []);
  assert.equal((await bed.deliver(hook, BODY, good)).status, 202);
});

test("A56: a signature over a time that comes again under another delivery id is 401", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256", timestampHeader: "X-Timestamp" });
  const seconds = String(Math.floor(Date.now() / 1_000));
  const headers = { "x-timestamp": seconds, "x-signature": sign(hook.secret, `${seconds}.${BODY}`) };
  const first = await bed.deliver(hook, BODY, { ...headers, "idempotency-key": "one" });
  const again = await bed.deliver(hook, BODY, { ...headers, "idempotency-key": "one" });
  assert.deepEqual([first.status, again.body.executionId], [202, first.body.executionId]);
  for (const more of [{ "idempotency-key": "two" }, {}]) {
    const stolen = await bed.deliver(hook, BODY, { ...headers, ...more });
    assert.deepEqual([stolen.status, stolen.body.code], [401, "invalid_signature"]);
  }
  assert.equal((await bed.executionsOf(hook.workflowId)).length, 1);
});

test("A56: a new signature that a known delivery comes with is spent by that: under another id it is 401", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256", timestampHeader: "X-Timestamp" });
  const now = Math.floor(Date.now() / 1_000);
  const send = (seconds: number, id: string) =>
    bed.deliver(hook, BODY, {
      "x-timestamp": String(seconds),
      "x-signature": sign(hook.secret, `${seconds}.${BODY}`),
      "idempotency-key": id,
    });
  const first = await send(now - 60, "one");
  const tries = await Promise.all([send(now, "one"), send(now, "one"), send(now - 1, "one")]);
  for (const { body } of tries) assert.equal(body.executionId, first.body.executionId);
  for (const seconds of [now, now - 1]) {
    const stolen = await send(seconds, "two");
    assert.deepEqual([stolen.status, stolen.body.code], [401, "invalid_signature"]);
  }
  assert.equal((await bed.executionsOf(hook.workflowId)).length, 1);
});

test("A56: a repetition and a delivery that come at once with one signature do not stop each other, nor anybody else", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256", timestampHeader: "X-Timestamp" });
  const now = Math.floor(Date.now() / 1_000);
  const send = (seconds: number, id: string) =>
    bed.deliver(hook, BODY, {
      "x-timestamp": String(seconds),
      "x-signature": sign(hook.secret, `${seconds}.${BODY}`),
      "idempotency-key": id,
    });
  const count = async (text: string) => Number((await bed.bed.admin.query(text)).rows[0]?.n);
  const countDeadlocks = () =>
    count("select deadlocks as n from pg_stat_database where datname = current_database()");
  const awaitWaiting = async (n: number) => {
    const text = `select count(*) as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await count(text)) < n) await new Promise(setImmediate);
  };
  const first = await send(now - 60, "one");
  const before = await countDeadlocks();
  // Whoever holds the head of the workspace's log makes both wait where they would be in each other's way.
  const { workspaceId } = bed.owner;
  const [isHeld, mayGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holding = bed.bed.open("atelier_api", 1).transaction({ workspaceIds: [workspaceId] }, async (tx) => {
    await lockHeads(tx, [workspaceId]);
    isHeld.resolve();
    await mayGo.promise;
  });
  await isHeld.promise;
  const again = send(now, "one");
  await awaitWaiting(1);
  const other = send(now, "two");
  await awaitWaiting(2);
  mayGo.resolve();
  await holding;
  const [{ body }, stolen] = await Promise.all([again, other]);
  assert.equal(body.executionId, first.body.executionId);
  assert.deepEqual([stolen.status, stolen.body.code], [401, "invalid_signature"]);
  assert.equal(await countDeadlocks(), before);
});

test("A56: what is signed with two secrets that overlap is spent whole, whichever signature of it comes again", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256", style: "stripe" });
  const path = `/api/webhooks/${hook.id}/rotate`;
  const { body } = await bed.api.request<{ secret: string }>("POST", path, { token: bed.owner.token });
  const at = Math.floor(Date.now() / 1_000);
  const [older, newer] = [hook.secret, body.secret].map((secret) => `v1=${sign(secret, `${at}.${BODY}`)}`);
  const ids = [];
  for (const given of [`${older},${newer}`, newer, older]) {
    const reply = await bed.deliver(hook, BODY, { "stripe-signature": `t=${at},${given}` });
    ids.push(reply.body.executionId);
  }
  assert.equal(new Set(ids).size, 1);
  assert.equal((await bed.executionsOf(hook.workflowId)).length, 1);
});

test("A56: an id that came before with another body, type or query is 422, and tells nothing of what came before", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256", style: "github" });
  const send = (body: string, { type = "application/json", query = "" } = {}) =>
    bed.api.request("POST", `/hooks/${hook.token}${query}`, {
      body,
      headers: { ...githubHeaders(hook.secret, body, "72d3"), "content-type": type, prefer: "wait=1" },
    });
  const first = await send(BODY);
  for (const other of [
    send('{"order":8}'),
    send(BODY, { type: "text/plain" }),
    send(BODY, { query: "?a=1" }),
  ]) {
    const { status, body, text, headers } = await other;
    assert.deepEqual([status, body.code, headers.get("execution-id")], [422, "idempotency_mismatch", null]);
    assert.equal(text.includes(String(first.body.executionId)), false);
  }
  assert.deepEqual((await send(BODY)).body, first.body);
  assert.equal((await bed.executionsOf(hook.workflowId)).length, 1);
  const listed = await bed.api.request<{ items: { outcome: string; reason: string; times: number }[] }>(
    "GET",
    `/api/webhooks/${hook.id}/deliveries`,
    { token: bed.owner.token },
  );
  const rows = listed.body.items.map(({ outcome, reason, times }) => [outcome, reason, times]);
  assert.deepEqual(rows, [
    ["refused", "idempotency_mismatch", 3],
    ["accepted", null, 1],
  ]);
});

test("A56: a hundred of the same delivery at once are one execution, and all hear its id", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256", style: "github" });
  const headers = githubHeaders(hook.secret, BODY, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
  const answers = await Promise.all(Array.from({ length: 100 }, () => bed.deliver(hook, BODY, headers)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
  assert.equal(new Set(answers.map(({ body }) => body.executionId)).size, 1);
  assert.equal((await bed.executionsOf(hook.workflowId)).length, 1);
});

test("Stripe's second try has a new time and signature, and the same event: it runs once, whatever type it says it is", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256", style: "stripe" });
  const body = '{"id":"evt_1","type":"paid"}';
  const now = Math.floor(Date.now() / 1_000);
  const ids = [];
  for (const [at, type] of [
    [now - 60, "application/json"],
    [now, "application/json"],
    [now - 1, "text/plain"],
    [now - 2, "application/octet-stream"],
  ] as const) {
    const headers = { ...stripeHeaders(hook.secret, body, at), "content-type": type };
    ids.push((await bed.deliver(hook, body, headers)).body.executionId);
  }
  assert.equal(new Set(ids).size, 1);
  assert.equal((await bed.executionsOf(hook.workflowId)).length, 1);
});

test("equal bodies that nothing tells apart are two deliveries: a tick that says the same twice means it twice", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256" });
  const headers = { "x-signature": sign(hook.secret, BODY) };
  const answers = [await bed.deliver(hook, BODY, headers), await bed.deliver(hook, BODY, headers)];
  assert.equal(new Set(answers.map(({ body }) => body.executionId)).size, 2);
});

test("C7: a hook whose secret is gone or cannot be opened answers 403, and says so to its people", async () => {
  for (const broken of [
    "secret = null, secret_key_id = null",
    "secret = '\\x00'",
    "secret_key_id = 'lost'",
  ]) {
    const hook = await bed.addHook({ type: "hmac-sha256" });
    await bed.bed.admin.query(`update webhooks set ${broken} where id = $1`, [hook.id]);
    const headers = { "x-signature": sign(hook.secret, BODY) };
    const reply = await bed.deliver(hook, BODY, headers);
    assert.deepEqual([reply.status, reply.body.code], [403, "webhook_unverifiable"], broken);
    const path = `/api/webhooks/${hook.id}/deliveries`;
    const { body } = await bed.api.request<{ items: unknown[] }>("GET", path, { token: bed.owner.token });
    assert.deepEqual((body.items[0] as { reason: string }).reason, "unverifiable");
  }
});

test("a bearer is its secret and nothing else, and none takes what comes", async () => {
  const bearer = await bed.addHook({ type: "bearer", secret: "let-me-in-please" });
  for (const [value, status] of [
    ["Bearer let-me-in-please", 202],
    ["Bearer let-me-in-pleas", 401],
    [`Bearer ${bed.owner.token}`, 401],
  ] as const) {
    assert.equal((await bed.deliver(bearer, BODY, { authorization: value })).status, status, value);
  }
  const open = await bed.addHook({ type: "none" });
  assert.equal("secret" in open, false);
  assert.equal((await bed.deliver(open, BODY)).status, 202);
});

test("a rotated secret overlaps: both are good, then the old one is not; without an overlap it ends at once", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256" });
  const send = async (secret: string) =>
    (await bed.deliver(hook, BODY, { "x-signature": sign(secret, BODY) })).status;
  const rotate = (body?: unknown) =>
    bed.api.request<{ secret: string; previousSecretUntil: string | null }>(
      "POST",
      `/api/webhooks/${hook.id}/rotate`,
      {
        token: bed.owner.token,
        ...(body !== undefined && { body }),
      },
    );
  const second = await rotate();
  assert.equal(second.status, 200);
  const left = Date.parse(String(second.body.previousSecretUntil)) - Date.now();
  assert.ok(Math.abs(left - 24 * 3_600_000) < 60_000, String(left));
  assert.deepEqual([await send(hook.secret), await send(second.body.secret)], [202, 202]);
  await bed.bed.admin.query("update webhooks set previous_secret_until = now() where id = $1", [hook.id]);
  assert.deepEqual([await send(hook.secret), await send(second.body.secret)], [401, 202]);
  const third = await rotate({ overlapSeconds: 0, secret: "given by hand" });
  assert.deepEqual([third.body.secret, third.body.previousSecretUntil], ["given by hand", null]);
  assert.deepEqual([await send(second.body.secret), await send("given by hand")], [401, 202]);
  assert.equal((await rotate({ overlapSeconds: 7 * 24 * 3_600 + 1 })).status, 400);
});

test("a header that proves who sends is nobody's delivery id: it is refused, and not kept of one made before", async () => {
  const workflowId = await bed.addWorkflow();
  for (const verify of [
    { type: "bearer", header: "Webhook-Id" },
    { type: "hmac-sha256", header: "X-GitHub-Delivery" },
    { type: "hmac-sha256", timestampHeader: "Idempotency-Key" },
  ]) {
    const made = await bed.api.request("POST", "/api/webhooks", {
      token: bed.owner.token,
      body: { workflowId, verify },
    });
    assert.deepEqual([made.status, made.body.code], [400, "invalid_request"], JSON.stringify(verify));
  }
  const hook = await bed.addHook({ type: "bearer", header: "X-Token" });
  await bed.bed.admin.query("update webhooks set verify_header = 'webhook-id' where id = $1", [hook.id]);
  for (let n = 0; n < 2; n++) {
    assert.equal((await bed.deliver(hook, BODY, { "webhook-id": hook.secret })).status, 202);
  }
  const runs = await bed.executionsOf(hook.workflowId);
  assert.equal(runs.length, 2);
  const kept = await bed.bed.admin.query("select * from webhook_deliveries where webhook_id = $1", [hook.id]);
  assert.equal(JSON.stringify([runs, kept.rows]).includes(hook.secret), false);
});

test("neither token nor secret lies in the database in clear text", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256" });
  const { rows } = await bed.bed.admin.query("select h::text as row from webhooks h where id = $1", [
    hook.id,
  ]);
  const text = String(rows[0]?.row);
  for (const word of [hook.token, hook.secret]) {
    assert.equal(text.includes(word), false);
    assert.equal(text.includes(Buffer.from(word).toString("hex")), false);
  }
});
