// The queue dashboard at run time: who gets in, and that every route that changes something is shut or written down.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { jobId } from "#core/queue/bells.ts";
import { createExecutionQueue, type ExecutionQueue } from "#core/queue/execution-queue.ts";
import {
  BUSY_QUEUE_NAME,
  type BullQueue,
  chooseBackend,
  openWorker,
  QUEUE_NAME,
  type QueueBackend,
} from "#core/queue/queue-backend.ts";
import { startTestApi, type TestApi } from "../support/api.ts";
import { cookieOf, type Person, type RequestOptions } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { findRedisServer, startRedis, type TestRedis } from "../support/redis-server.ts";
import { boardBodies, boardPath, HARMLESS_ROUTES, listMutatingRoutes } from "./board-routes.ts";

for (const wanted of [{ name: "on PostgreSQL" }, { name: "on Redis", ...findRedisServer() }]) {
  describe(`the queue dashboard ${wanted.name}`, { skip: "skip" in wanted ? wanted.skip : false }, () => {
    let database: TestDatabase;
    let redis: TestRedis | undefined;
    let api: TestApi;
    let queue: ExecutionQueue;
    let bull: BullQueue;
    let admin: Person;
    let editor: Person;
    let reader: string;
    let writer: string;

    const CSRF = { "sec-fetch-site": "same-origin" };
    const QUEUE = `/queues/api/queues/${QUEUE_NAME}`;
    const failed = jobId({ executionId: uuidv7(), wake: 1, band: 0 });
    const completed = jobId({ executionId: uuidv7(), wake: 1, band: 0 });
    const delayed = jobId({ executionId: uuidv7(), wake: 1, band: 0 });
    const waiting = jobId({ executionId: uuidv7(), wake: 1, band: 0 });

    before(async () => {
      database = await createTestDatabase();
      redis = "program" in wanted ? await startRedis(wanted.program) : undefined;
      const backend = chooseBackend({
        redisUrl: redis?.url,
        databaseUrl: database.databaseUrl,
        role: "atelier_api",
      });
      api = await startTestApi(database.databaseUrl, { environment: redis ? { REDIS_URL: redis.url } : {} });
      queue = createExecutionQueue(backend);
      bull = queue.bull;
      await fillQueue(backend);
      admin = await api.register();
      editor = await api.register();
      reader = await open(admin);
      writer = await open(admin, { write: true });
    });
    after(async () => {
      await api?.close();
      await queue?.close();
      await redis?.stop();
      await database?.drop();
    });

    /** One job of each kind that an administrator may meet. */
    async function fillQueue(backend: QueueBackend): Promise<void> {
      // On PostgreSQL finished jobs are not kept unless a job says so; an older build's may still be there.
      const add = (id: string, delay = 0) =>
        bull.add(
          "execution",
          { executionId: id.slice(0, 36) },
          { jobId: id, delay, removeOnComplete: false },
        );
      await add(failed);
      await add(completed);
      const done = Promise.withResolvers<void>();
      let finished = 0;
      const worker = openWorker(
        backend,
        async (job) => {
          if (job.id === failed) throw new Error("boom");
        },
        { concurrency: 1 },
      );
      for (const event of ["completed", "failed"] as const) {
        worker.on(event, () => {
          finished += 1;
          if (finished === 2) done.resolve();
        });
      }
      await done.promise;
      await worker.close();
      await add(delayed, 3_600_000);
      await add(waiting);
    }

    async function open(person: Person, body?: { write: boolean }): Promise<string> {
      const reply = await api.request("POST", "/auth/queues-session", { token: person.token, body });
      assert.equal(reply.status, 200, reply.text);
      return cookieOf(reply);
    }

    type Entry = {
      action: string;
      actor_id: string;
      target_type: string;
      target_id: string;
      details: unknown;
    };
    const audited = () =>
      asAdmin<Entry>(
        database,
        "select action, actor_id, target_type, target_id, details from audit_logs where action like 'queue.%' order by seq",
      );

    const get = (path: string, options: RequestOptions = {}) => api.request("GET", path, options);
    const put = (path: string, cookie?: string, headers: Record<string, string> = CSRF) =>
      api.request("PUT", path, { cookie, headers });

    test("A67: nobody sees anything without the cookie: pages, files, counts, statistics", async () => {
      for (const path of [
        "",
        "/",
        "/api/queues",
        "/api/redis/stats",
        "/static/favicon.ico",
        "/metrics-history",
        `/api/queues/${QUEUE_NAME}/metrics`,
        `/api/queues/${QUEUE_NAME}/${failed}`,
        "/nothing",
      ]) {
        for (const options of [
          {},
          { token: admin.token },
          { cookie: "atelier_queues=x" },
          { cookie: admin.cookie },
        ]) {
          const reply = await get(`/queues${path}`, options);
          assert.equal(reply.status, 401, `${path} ${JSON.stringify(options)}`);
          assert.equal(reply.body.code, "unauthenticated");
        }
      }
    });

    test("A67: the session opens for administrators with a token only", async () => {
      const anonymous = await api.request("POST", "/auth/queues-session");
      assert.equal(anonymous.status, 401);
      const refused = await api.request("POST", "/auth/queues-session", { token: editor.token });
      assert.deepEqual([refused.status, refused.body.code], [403, "forbidden"]);
      assert.deepEqual(refused.headers.getSetCookie(), []);
      const unknown = await api.request("POST", "/auth/queues-session", {
        token: admin.token,
        body: { admin: true },
      });
      assert.equal(unknown.status, 400);
    });

    test("its cookie is for /queues, ten minutes, no script and no other site", async () => {
      const reply = await api.request("POST", "/auth/queues-session", { token: admin.token });
      assert.deepEqual(reply.body, { url: "/queues", write: false, expiresIn: 600 });
      const [cookie = ""] = reply.headers.getSetCookie();
      assert.match(cookie, /^atelier_queues=[^;]+; Max-Age=600; Path=\/queues; HttpOnly; SameSite=Strict$/);
    });

    test("the cookie is no access token and the access token no cookie", async () => {
      const token = reader.slice(reader.indexOf("=") + 1);
      assert.equal((await get("/auth/me", { token })).status, 401);
      assert.equal((await get("/queues", { cookie: `atelier_queues=${admin.token}` })).status, 401);
    });

    test("A67: a reading administrator sees the queue, and not the server behind it", async () => {
      const page = await get("/queues", { cookie: reader });
      assert.equal(page.status, 200);
      assert.match(page.text, /<base href="\/queues\/"/);
      const { queues } = (
        await get(`/queues/api/queues?activeQueue=${QUEUE_NAME}&status=failed`, { cookie: reader })
      ).body as { queues: { name: string; readOnlyMode: boolean; jobs: { id: string }[] }[] };
      assert.deepEqual(
        queues.map(({ name, readOnlyMode, jobs }) => [name, readOnlyMode, jobs.map((job) => job.id)]),
        [
          [QUEUE_NAME, true, [failed]],
          [BUSY_QUEUE_NAME, true, []],
        ],
      );
      assert.equal((await get("/queues/api/redis/stats", { cookie: reader })).status, 403);
      assert.equal((await get("/queues/api/redis/stats", { cookie: writer })).status, 403);
    });

    test("A67: its answers carry the headers of the house, and a policy without inline scripts", async () => {
      for (const path of ["", "/api/queues", "/static/favicon.ico", "/nothing"]) {
        const { headers } = await get(`/queues${path}`, { cookie: reader });
        const policy = headers.get("content-security-policy") ?? "";
        for (const part of [
          "default-src 'none'",
          "script-src 'self';",
          "object-src 'none'",
          "frame-ancestors 'none'",
        ])
          assert.ok(policy.includes(part), `${path}: ${policy}`);
        assert.match(headers.get("strict-transport-security") ?? "", /max-age=31536000/);
        assert.equal(headers.get("x-content-type-options"), "nosniff");
        assert.equal(headers.get("referrer-policy"), "no-referrer");
        assert.equal(headers.get("x-powered-by"), null, path);
      }
      assert.equal(
        (await get("/queues/api/queues", { cookie: reader })).headers.get("cache-control"),
        "no-store",
      );
      assert.match((await get("/docs")).headers.get("content-security-policy") ?? "", /style-src 'self';/);
    });

    async function snapshot() {
      const jobs = await bull.getJobs();
      const states = await Promise.all(
        jobs.map(async (job) => [job.id, await job.getState(), job.data, job.priority]),
      );
      return {
        jobs: states.sort((a, b) => String(a[0]).localeCompare(String(b[0]))),
        paused: await bull.isPaused(),
        concurrency: await bull.getGlobalConcurrency(),
        limit: await bull.getGlobalRateLimit(),
      };
    }

    test("A67: all 24 routes that change something are shut to all but a writing administrator on the own page", async () => {
      const routes = listMutatingRoutes();
      assert.equal(routes.length, 24, "bull-board has other routes than before: judge the new ones");
      const before = await snapshot();
      const trail = await audited();
      for (const { method, route } of routes) {
        for (const job of [failed, delayed, waiting]) {
          const call = async (options: RequestOptions) => {
            const reply = await api.request(method.toUpperCase(), boardPath(route, job), {
              body: boardBodies[route] ?? {},
              ...options,
            });
            return [reply.status, reply.body.code];
          };
          const where = `${method} ${route}`;
          assert.deepEqual(await call({ headers: CSRF }), [401, "unauthenticated"], where);
          assert.deepEqual(
            await call({ headers: CSRF, token: admin.token }),
            [401, "unauthenticated"],
            where,
          );
          assert.deepEqual(await call({ headers: CSRF, cookie: reader }), [405, "method_not_allowed"], where);
          assert.deepEqual(await call({ cookie: writer }), [403, "cross_site"], where);
          if (HARMLESS_ROUTES.includes(route)) continue;
          assert.deepEqual(await call({ headers: CSRF, cookie: writer }), [403, "forbidden"], where);
        }
      }
      assert.deepEqual(await snapshot(), before);
      assert.deepEqual(await audited(), trail, "nothing was done, nothing is written down");
    });

    test("A67: other spellings, methods and job names do not slip past the list", async () => {
      const before = await snapshot();
      const attempts: [string, string][] = [
        ["POST", `${QUEUE}/ADD`],
        ["PUT", `${QUEUE}/Empty`],
        ["PUT", `${QUEUE}/PAUSE`],
        ["PUT", `${QUEUE}/pause/`],
        ["PUT", `${QUEUE}/pause/empty`],
        ["PUT", `/queues/x${QUEUE.slice(7)}/pause`],
        ["PUT", `${QUEUE}/empty/`],
        ["PUT", `${QUEUE}//empty`],
        ["PUT", `${QUEUE}/%65mpty`],
        ["PUT", `${QUEUE}/clean/active`],
        ["PUT", `${QUEUE}/clean/wait`],
        ["PUT", `${QUEUE}/retry/completed`],
        ["PUT", `${QUEUE}/empty/clean`],
        ["PUT", "/queues/api/queues/other/pause"],
        ["DELETE", QUEUE],
        ["OPTIONS", `${QUEUE}/empty`],
        ["PUT", `${QUEUE}/${failed}/../empty`],
        ["PUT", `${QUEUE}/${failed}%2F..%2Fempty`],
        ["POST", `${QUEUE}/pause`],
      ];
      for (const [method, path] of attempts) {
        const reply = await api.request(method, path, {
          cookie: writer,
          headers: { ...CSRF, "x-http-method-override": "PUT" },
        });
        assert.equal(reply.status, 403, `${method} ${path}: ${reply.text}`);
        const overridden = await api.request("GET", path, {
          cookie: writer,
          headers: { "x-http-method-override": "PUT" },
        });
        assert.ok([200, 404].includes(overridden.status), `${path} ${overridden.status}`);
      }
      assert.deepEqual(await snapshot(), before);
    });

    test("A67: changes come from the own page: other sites, sibling hosts, null origins and silent clients are refused", async () => {
      const host = new URL(api.url).host;
      const foreign: Record<string, string>[] = [
        {},
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
        { "sec-fetch-site": "none" },
        { origin: "null" },
        { origin: "https://evil.example" },
        { origin: `http://${host}.evil.example` },
        { "sec-fetch-site": "same-origin", origin: "https://evil.example" },
        { "sec-fetch-site": "cross-site", origin: `http://${host}` },
      ];
      for (const headers of foreign) {
        const reply = await put(`${QUEUE}/pause`, writer, headers);
        assert.deepEqual([reply.status, reply.body.code], [403, "cross_site"], JSON.stringify(headers));
      }
      assert.equal(await bull.isPaused(), false);
      assert.equal((await put(`${QUEUE}/resume`, writer, { origin: `http://${host}` })).status, 200);
    });

    test("A67: a writing administrator does the harmless things, and each is in the audit log before it is done", async () => {
      const trail = (await audited()).length;
      const steps: [string, string, string][] = [
        ["/api/queues/pause", "", "queue.pause"],
        ["/api/queues/resume", "", "queue.resume"],
        ["/api/queues/:queueName/pause", "", "queue.pause"],
        ["/api/queues/:queueName/:jobId/retry", failed, "queue.retry"],
        ["/api/queues/:queueName/:jobId/promote", delayed, "queue.promote"],
        ["/api/queues/:queueName/:jobId/clean", completed, "queue.clean"],
        ["/api/queues/:queueName/retry/:queueStatus", "", "queue.retry"],
        ["/api/queues/:queueName/promote", "", "queue.promote"],
        ["/api/queues/:queueName/clean/:queueStatus", "", "queue.clean"],
        ["/api/queues/:queueName/resume", "", "queue.resume"],
      ];
      assert.deepEqual(new Set(steps.map(([route]) => route)), new Set(HARMLESS_ROUTES));
      for (const [route, job] of steps) {
        const reply = await put(boardPath(route, job), writer);
        assert.ok([200, 204].includes(reply.status), `${route}: ${reply.status} ${reply.text}`);
      }
      const states = await Promise.all([failed, delayed, completed].map((id) => bull.getJobState(id)));
      assert.deepEqual(states, ["waiting", "waiting", "unknown"]);
      const entries = (await audited()).slice(trail);
      assert.deepEqual(
        entries.map(({ action, actor_id, target_type, target_id }) => [
          action,
          actor_id,
          target_type,
          target_id,
        ]),
        steps.map(([, job, action]) => [action, admin.userId, job ? "job" : "queue", job || QUEUE_NAME]),
      );
    });

    test("opening is written down with what it allows", async () => {
      const opened = (await audited()).filter(({ action }) => action === "queue.open");
      assert.ok(opened.some(({ details }) => (details as { write: boolean }).write));
      assert.ok(opened.some(({ details }) => !(details as { write: boolean }).write));
      assert.ok(opened.every(({ actor_id }) => actor_id === admin.userId));
    });

    test("A67: what cannot be written down is not done", async (t) => {
      await asAdmin(database, "revoke insert on audit_logs from atelier_api");
      t.after(() => asAdmin(database, "grant insert on audit_logs to atelier_api"));
      assert.equal((await put(`${QUEUE}/pause`, writer)).status, 500);
      assert.equal(await bull.isPaused(), false);
      const reply = await api.request("POST", "/auth/queues-session", { token: admin.token });
      assert.equal(reply.status, 500);
      assert.deepEqual(reply.headers.getSetCookie(), []);
    });

    test("A67: the dashboard closes with the session, and with the rights of the person", async (t) => {
      await asAdmin(database, "update users set is_admin = false where id = $1", [admin.userId]);
      t.after(() => asAdmin(database, "update users set is_admin = true where id = $1", [admin.userId]));
      const demoted = await get("/queues/api/queues", { cookie: writer });
      assert.deepEqual([demoted.status, demoted.body.code], [403, "forbidden"]);
      await asAdmin(database, "update users set is_admin = true where id = $1", [admin.userId]);
      assert.equal((await get("/queues/api/queues", { cookie: writer })).status, 200);
      await api.request("POST", "/auth/logout", { token: admin.token });
      assert.equal((await get("/queues/api/queues", { cookie: writer })).status, 401);
      assert.equal((await put(`${QUEUE}/pause`, writer)).status, 401);
    });
  });
}
