// A57 and what else ends a webhook; what its people can see of it, and how the refused are counted.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { ATTEMPT_RULES } from "#core/domain/attempt-limits.ts";
import { sweepExpired } from "#core/services/retention/sweep-rows.ts";
import { LOOSE_RULES } from "../../support/attempt-rules.ts";
import { createHookBed, type Hook, type HookBed, sign } from "./hook-bed.ts";

let bed: HookBed;
before(async () => {
  bed = await createHookBed();
});
after(() => bed?.close());

const as = () => ({ token: bed.owner.token });
const readHook = async (id: string) => (await bed.api.request("GET", `/api/webhooks/${id}`, as())).body;

type DeliveryRow = { outcome: string; reason: string | null; times: number; deliveryId: string | null };
async function deliveriesOf({ id }: Hook, query = ""): Promise<DeliveryRow[]> {
  const path = `/api/webhooks/${id}/deliveries${query}`;
  return (await bed.api.request<{ items: DeliveryRow[] }>("GET", path, as())).body.items;
}

test("A57: a deleted webhook, one of a deleted workflow and one that is switched off are as unknown as any", async () => {
  const [deleted, orphan, off] = [
    await bed.addHook({ type: "none" }),
    await bed.addHook({ type: "none" }),
    await bed.addHook({ type: "none" }),
  ];
  assert.equal((await bed.api.request("DELETE", `/api/webhooks/${deleted.id}`, as())).status, 204);
  assert.equal((await bed.api.request("DELETE", `/api/workflows/${orphan.workflowId}`, as())).status, 204);
  const path = `/api/webhooks/${off.id}`;
  await bed.api.request("PATCH", path, { ...as(), body: { enabled: false } });
  const unknown = { ...off, token: `whk_${"A".repeat(43)}` };
  const answers = await Promise.all([deleted, orphan, off, unknown].map((hook) => bed.deliver(hook, "{}")));
  for (const { status, body } of answers) assert.deepEqual([status, body.code], [404, "not_found"]);
  assert.equal(new Set(answers.map(({ body }) => body.detail)).size, 1);
  assert.equal((await readHook(orphan.id)).problem, "workflow_archived");
  assert.deepEqual(
    (await deliveriesOf(off)).map(({ reason }) => reason),
    ["disabled"],
  );
  await bed.api.request("PATCH", path, { ...as(), body: { enabled: true } });
  assert.equal((await bed.deliver(off, "{}")).status, 202);
});

test("A57: a busy webhook ends in one row: nobody waits for its deliveries, and they are out of sight, then swept", async () => {
  const [busy, other] = [await bed.addHook({ type: "none" }), await bed.addHook({ type: "none" })];
  await bed.bed.admin.query(
    `insert into webhook_deliveries (webhook_id, delivery_id, workspace_id, received_at)
     select $1, 'id:' || n, $2, now() - case when n <= 45_000 then interval '29 days' else interval '31 days' end
     from generate_series(1, 50_000) n`,
    [busy.id, bed.owner.workspaceId],
  );
  const count = async () => {
    const text = "select count(*)::int n from webhook_deliveries where webhook_id = $1";
    return (await bed.bed.admin.query(text, [busy.id])).rows[0].n;
  };
  const deletion = await bed.bed.admin.connect();
  try {
    await deletion.query("begin");
    await deletion.query("delete from webhooks where id = $1", [busy.id]);
    // Held as long as it likes: neither its own deliveries nor those that share a commit with them wait for it.
    const during = await Promise.all([busy, other, busy].map((hook) => bed.deliver(hook, "{}")));
    for (const { status } of during) assert.equal(status, 202);
    await deletion.query("rollback");
  } finally {
    deletion.release();
  }
  const before = await count();
  assert.equal(before, 50_002);
  assert.equal((await bed.api.request("DELETE", `/api/webhooks/${busy.id}`, as())).status, 204);
  assert.equal(await count(), before);
  for (const path of [`/api/webhooks/${busy.id}`, `/api/webhooks/${busy.id}/deliveries`]) {
    assert.equal((await bed.api.request("GET", path, as())).status, 404);
  }
  assert.equal((await bed.deliver(busy, "{}")).status, 404);
  assert.equal(await count(), before);
  const { webhookDeliveries } = await sweepExpired(bed.bed.open("atelier_scheduler", 1));
  assert.equal(webhookDeliveries, 5_000);
  assert.equal(await count(), 45_002);
});

test("A57: what is still being sent when its webhook is deleted or switched off starts nothing", async () => {
  for (const end of [{ method: "DELETE" }, { method: "PATCH", body: { enabled: false } }]) {
    const hook = await bed.addHook({ type: "none" });
    const rest = Promise.withResolvers<void>();
    const body = async function* () {
      yield Buffer.from('{"a":');
      await rest.promise;
      yield Buffer.from("1}");
    };
    const since = (await bed.bed.admin.query("select clock_timestamp() as now")).rows[0].now;
    const headers = { "content-type": "application/json" };
    const options = { method: "POST", headers, body: body(), duplex: "half" };
    const sent = fetch(`${bed.api.url}/hooks/${hook.token}`, options as unknown as RequestInit);
    await untilFound(since);
    const { method, ...more } = end;
    const ended = await bed.api.request(method, `/api/webhooks/${hook.id}`, { ...as(), ...more });
    assert.ok(ended.status < 300, ended.text);
    rest.resolve();
    assert.equal((await sent).status, 404);
    assert.equal((await bed.deliver(hook, "{}")).status, 404);
    assert.deepEqual(await bed.executionsOf(hook.workflowId), []);
  }
});

/** Until some webhook has been looked up by its token since then. */
async function untilFound(since: Date): Promise<void> {
  for (;;) {
    const { rowCount } = await bed.bed.admin.query(
      `select from pg_stat_activity
       where state = 'idle' and query like '%identity_find_webhook(%' and query_start > $1`,
      [since],
    );
    if (rowCount) return;
    await setTimeout(20);
  }
}

test("a webhook acts as its owner: 403 as soon as they may not run things, and its people are told why", async () => {
  const hook = await bed.addHook({ type: "none" });
  const member = "update workspace_members set role = $2 where user_id = $1";
  const user = bed.owner.userId;
  const deliver = async () => {
    const { status, body } = await bed.deliver(hook, "{}");
    return [status, body.code];
  };
  const refused = [403, "webhook_owner_may_not_run"];
  try {
    await bed.bed.admin.query(member, [user, "viewer"]);
    assert.deepEqual(await deliver(), refused);
    assert.equal((await readHook(hook.id)).problem, "owner_may_not_run");
    assert.deepEqual(
      (await deliveriesOf(hook)).map(({ reason }) => reason),
      ["webhook_owner_may_not_run"],
    );
    await bed.bed.admin.query(member, [user, "owner"]);
    await bed.bed.admin.query("update users set disabled_at = now() where id = $1", [user]);
    assert.deepEqual(await deliver(), refused);
  } finally {
    await bed.bed.admin.query("update users set disabled_at = null where id = $1", [user]);
    await bed.bed.admin.query(member, [user, "owner"]);
  }
  assert.equal((await deliver())[0], 202);
  assert.equal((await readHook(hook.id)).problem, null);
});

test("what is refused is one row per reason, without a payload, and pages go from new to old", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256", style: "github" });
  const body = '{"secret":"in the body"}';
  for (let n = 0; n < 3; n++) await bed.deliver(hook, body);
  await bed.deliver(hook, body, { "x-hub-signature-256": "sha256=00" });
  await bed.deliver(hook, "{", { "x-hub-signature-256": `sha256=${sign(hook.secret, "{")}` });
  const headers = { "x-hub-signature-256": `sha256=${sign(hook.secret, body)}`, "x-github-delivery": "72d3" };
  await bed.deliver(hook, body, headers);
  const rows = await deliveriesOf(hook);
  assert.deepEqual(
    rows.map(({ outcome, reason, times, deliveryId }) => [outcome, reason, times, deliveryId]),
    [
      ["accepted", null, 1, "72d3"],
      ["refused", "malformed_json", 1, null],
      ["refused", "bad_signature", 1, null],
      ["refused", "unsigned", 3, null],
    ],
  );
  assert.equal(JSON.stringify(rows).includes("in the body"), false);
  const page = await bed.api.request<{ items: unknown[]; nextCursor: string }>(
    "GET",
    `/api/webhooks/${hook.id}/deliveries?limit=3`,
    as(),
  );
  const last = await deliveriesOf(hook, `?limit=3&cursor=${page.body.nextCursor}`);
  assert.deepEqual(
    last.map(({ reason }) => reason),
    ["unsigned"],
  );
});

test("every change is in the log of the workspace, and what a delivery starts names its webhook", async () => {
  const hook = await bed.addHook({ type: "hmac-sha256" }, { name: "orders" });
  const path = `/api/webhooks/${hook.id}`;
  await bed.api.request("PATCH", path, { ...as(), body: { name: "orders of today" } });
  await bed.api.request("POST", `${path}/rotate`, as());
  const run = await bed.deliver(hook, "{}", { "x-signature": sign(hook.secret, "{}") });
  await bed.api.request("DELETE", path, as());
  const { rows } = await bed.bed.admin.query(
    "select action, actor_id, target_id, details from audit_logs where target_id = any ($1) order by seq",
    [[hook.id, run.body.executionId]],
  );
  assert.deepEqual(
    rows.map((row) => row.action),
    ["webhook.created", "webhook.updated", "webhook.rotated", "execution.submitted", "webhook.deleted"],
  );
  assert.ok(rows.every((row) => row.actor_id === bed.owner.userId));
  assert.equal(rows[3].details.webhookId, hook.id);
  const text = JSON.stringify(rows);
  assert.equal(text.includes(hook.secret) || text.includes(hook.token), false);
});

test("a trigger is named where there are several, and must be one", async () => {
  const graph = {
    nodes: [
      { id: "a", type: "trigger.webhook" },
      { id: "b", type: "trigger.webhook" },
      { id: "m", type: "trigger.manual" },
    ],
    edges: [],
  };
  const flow = await bed.api.request<{ id: string }>("POST", "/api/workflows", {
    ...as(),
    body: { name: "two", graph },
  });
  const workflowId = flow.body.id;
  const create = (more: object) =>
    bed.api.request("POST", "/api/webhooks", {
      ...as(),
      body: { workflowId, verify: { type: "none" }, ...more },
    });
  assert.deepEqual([(await create({})).status, (await create({ trigger: "x" })).status], [409, 400]);
  const hook = (await create({ trigger: "b" })).body as unknown as Hook;
  const reply = await bed.deliver(hook, "{}");
  assert.equal((await bed.bed.execution(String(reply.body.executionId))).trigger_node, "b");
  // A new version without it: deliveries are refused, and nothing starts somewhere else instead.
  const without = { nodes: graph.nodes.filter(({ id }) => id !== "b"), edges: [] };
  await bed.api.request("PUT", `/api/workflows/${workflowId}`, { ...as(), body: { graph: without } });
  assert.equal((await bed.deliver(hook, "{}")).status, 400);
});

test("neither cookies nor CORS: a page of another site learns nothing", async () => {
  const hook = await bed.addHook({ type: "none" });
  const origin = { origin: "https://evil.example" };
  const reply = await bed.deliver(hook, "{}", { ...origin, cookie: bed.owner.cookie });
  assert.equal(reply.status, 202);
  assert.deepEqual(reply.headers.getSetCookie(), []);
  assert.equal(reply.headers.get("access-control-allow-origin"), null);
  const asked = { ...origin, "access-control-request-method": "POST" };
  const preflight = await fetch(`${bed.api.url}/hooks/${hook.token}`, { method: "OPTIONS", headers: asked });
  assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [405, null]);
  assert.equal((await fetch(`${bed.api.url}/hooks/${hook.token}`)).status, 405);
});

test("refused deliveries are limited per webhook; who signs right is never kept out by them", async (t) => {
  const hookRule = { ...ATTEMPT_RULES.hook, account: { ...GATE, points: 3 } };
  const limited = await createHookBed({ attemptRules: { ...LOOSE_RULES, hook: hookRule } });
  t.after(() => limited.close());
  const [hook, other] = [
    await limited.addHook({ type: "hmac-sha256" }),
    await limited.addHook({ type: "hmac-sha256" }),
  ];
  const statuses = [];
  for (let n = 0; n < 5; n++) statuses.push((await limited.deliver(hook, "{}")).status);
  assert.deepEqual(statuses, [401, 401, 401, 429, 429]);
  assert.equal((await limited.deliver(other, "{}")).status, 401);
  assert.equal((await limited.deliver(hook, "{}", { "x-signature": sign(hook.secret, "{}") })).status, 202);
  const { rows } = await limited.bed.admin.query(
    "select times from webhook_deliveries where reason = 'unsigned' and webhook_id = $1",
    [hook.id],
  );
  assert.deepEqual(rows, [{ times: 3 }]);
  const metrics = await (await fetch(`${limited.api.url}/metrics`)).text();
  assert.match(metrics, /atelier_webhook_deliveries_total\{[^}]*outcome="unsigned"[^}]*\} 6/);
  assert.match(metrics, /atelier_webhook_deliveries_total\{[^}]*outcome="accepted"[^}]*\} 1/);
});

test("deliveries that fail for a fault of the platform are counted as its own, from the first statement on", async (t) => {
  const broken = await createHookBed();
  t.after(() => broken.close());
  const hook = await broken.addHook({ type: "none" });
  const find = "identity_find_webhook(bytea)";
  const { rows } = await broken.bed.admin.query(`select pg_get_functiondef('${find}'::regprocedure) text`);
  const failing = (code: string) =>
    rows[0].text
      .replace("LANGUAGE sql", "LANGUAGE plpgsql")
      .replace(
        /AS \$function\$[\s\S]*/,
        () => `as $body$ begin raise 'broken' using errcode = '${code}'; end $body$`,
      );
  for (const [code, status] of Object.entries({ "53300": 503, XX000: 500 })) {
    await broken.bed.admin.query(failing(code));
    assert.equal((await broken.deliver(hook, "{}")).status, status);
  }
  const metrics = await (await fetch(`${broken.api.url}/metrics`)).text();
  const counted = [
    ...metrics.matchAll(/atelier_webhook_deliveries_total\{[^}]*outcome="(\w+)"[^}]*\} (\d+)/g),
  ];
  assert.deepEqual(
    counted.map(([, outcome, count]) => [outcome, count]),
    [
      ["database_unavailable", "1"],
      ["internal_error", "1"],
    ],
  );
});

const GATE = {
  seconds: 300,
  delaySeconds: 60,
  maxDelaySeconds: 60,
  forgetSeconds: 3_600,
  familiarSeconds: 3_600,
};

test("a full queue is 429 with a time to come back, and the delivery may: it was not taken", async (t) => {
  const full = await createHookBed({ environment: { MAX_QUEUED: "1" } });
  t.after(() => full.close());
  const hook = await full.addHook({ type: "none" });
  const send = (key: string) => full.deliver(hook, "{}", { "idempotency-key": key });
  const first = await send("a");
  let refused = await send("b");
  for (let n = 0; n < 50 && refused.status === 202; n++) refused = await send(`b${n}`);
  assert.deepEqual([first.status, refused.status, refused.body.code], [202, 429, "queue_full"]);
  assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  // Nothing limits how many of these there are, so none of them is written down.
  const noted = await full.bed.admin.query(
    "select reason from webhook_deliveries where outcome <> 'accepted'",
  );
  assert.deepEqual(noted.rows, []);
  // What was accepted before is still the same.
  assert.equal((await send("a")).body.executionId, first.body.executionId);
});

test("a webhook has fifty callers who wait; the next one is told at once that it will run", {
  timeout: 40_000,
}, async () => {
  const hook = await bed.addHook({ type: "none" });
  const leave = new AbortController();
  const waiting = Array.from({ length: 51 }, () =>
    fetch(`${bed.api.url}/hooks/${hook.token}`, {
      method: "POST",
      headers: { prefer: "wait=60" },
      signal: leave.signal,
    }),
  );
  // Nothing runs here: whoever waits does so for a minute, longer than this test may take.
  assert.equal((await Promise.race(waiting)).status, 202);
  leave.abort();
  const ended = await Promise.allSettled(waiting);
  assert.equal(ended.filter(({ status }) => status === "fulfilled").length, 1);
  assert.equal((await bed.executionsOf(hook.workflowId)).length, 51);
});
