// One stage per scenario: real roles, their own PostgreSQL and queue, a bad line to both, a sink that counts, a judge.
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { createClient, type Person, type Request, registerPerson } from "../../support/client.ts";
import { createTestDatabase } from "../../support/database.ts";
import { type HttpSink, startHttpSink } from "../../support/http-sink.ts";
import { createPlatform, type Platform, type RoleName, type RoleProcess } from "../../support/platform.ts";
import { findRedisServer, startRedis, type TestRedis } from "../../support/redis-server.ts";
import { startTcpProxy, type TcpProxy } from "../../support/tcp-proxy.ts";
import { createWorkflow } from "../../support/workflows.ts";
import { type OwnPostgres, startOwnPostgres } from "./own-postgres.ts";
import { chooseSeed, createRandom, type Random } from "./random.ts";
import { startTrace, type Trace } from "./trace.ts";

export type Profile = "embedded" | "redis";

const redisServer = findRedisServer();
/** Both queues; a test's options say why one is skipped. */
export const PROFILES: readonly { profile: Profile; skip: string | false }[] = [
  { profile: "embedded", skip: false },
  { profile: "redis", skip: "skip" in redisServer ? redisServer.skip : false },
];

/** `npm test` has five minutes for its smoke set: there, what says little more on the other queue runs on one. */
export const FEW_PROFILES = process.env.FAULT_SEED === undefined ? PROFILES.slice(0, 1) : PROFILES;

export type StageOptions = {
  profile: Profile;
  /** A server of its own that may be killed, with every safety on; default: a database on the shared one. */
  ownPostgres?: boolean;
};

export type Stage = {
  profile: Profile;
  random: Random;
  /** Past every policy, with the history of all that happened. */
  trace: Trace;
  sink: HttpSink;
  platform: Platform;
  /** The lines of all roles, where they are not told otherwise. */
  lines: { postgres: TcpProxy; redis?: TcpProxy };
  postgres?: OwnPostgres;
  redis?: TestRedis;
  request: Request;
  /** Registered with the first `registered()`. */
  person(): Promise<Person>;
  /** Deaths of workers are noted for the judge. */
  start(role: RoleName, environment?: Readonly<Record<string, string>>): Promise<RoleProcess>;
  addWorkflow(graph: unknown): Promise<string>;
  /** A credential of type postgres for the stage's own database, past its line. */
  addCredential(): Promise<string>;
  /** Sent again under its key until it is accepted, as a careful client does; 503 is the only refusal there may be. */
  submit(workflowId: string, input?: unknown, options?: SubmitOptions): Promise<string>;
  /** Every execution somebody was promised. */
  accepted: Set<string>;
  close(): Promise<void>;
};

/** Closed by the test's context; nothing runs yet. */
export async function openStage(options: StageOptions, t: Cleanup): Promise<Stage> {
  await using opened = new AsyncDisposableStack();
  const later = <Thing>(thing: Thing, close: (thing: Thing) => Promise<unknown>): Thing => {
    opened.defer(async () => void (await close(thing)));
    return thing;
  };
  const postgres = options.ownPostgres
    ? later(await startOwnPostgres(t), (server) => server.stop())
    : undefined;
  const database = postgres ?? later(await createTestDatabase(), (made) => made.drop());
  const trace = later(await startTrace(database), (made) => made.close());
  const sink = later(await startHttpSink(trace.attemptsOf), (made) => made.close());
  const redis =
    "program" in redisServer && options.profile === "redis"
      ? later(await startRedis(redisServer.program), (made) => made.stop())
      : undefined;
  const postgresLine = later(await startTcpProxy(database.databaseUrl), (line) => line.close());
  const redisLine = redis && later(await startTcpProxy(redis.url), (line) => line.close());
  const platform = later(
    await createPlatform({
      NODE_ENV: "test",
      DATABASE_URL: postgresLine.through(database.databaseUrl),
      ...(redis && redisLine ? { REDIS_URL: redisLine.through(redis.url) } : {}),
      // The database past its line, for statements of workflows.
      ALLOW_PRIVATE_EGRESS: `${sink.address},${new URL(database.databaseUrl).host}`,
      ...mutantSettings(),
    }),
    (made) => made.close(),
  );
  const request = createClient(platform.url);
  const random = createRandom(chooseSeed());
  const accepted = new Set<string>();
  let registered: Promise<Person> | undefined;
  const person = () => (registered ??= registerPerson(request));

  const running = opened.move();
  const close = () => running.disposeAsync();
  t.after(close);
  return {
    profile: options.profile,
    random,
    trace,
    sink,
    platform,
    lines: { postgres: postgresLine, ...(redisLine ? { redis: redisLine } : {}) },
    ...(postgres ? { postgres } : {}),
    ...(redis ? { redis } : {}),
    request,
    person,
    accepted,
    async start(role, environment) {
      const process = await platform.start(role, environment);
      if (role === "worker") process.ended.then(() => trace.noteDeath(process.id)).catch(() => {});
      return process;
    },
    addWorkflow: async (graph) => createWorkflow(request, await person(), graph),
    async addCredential() {
      const body = { name: "database", type: "postgres", data: { url: database.databaseUrl } };
      const { token } = await person();
      const reply = await request<{ id: string }>("POST", "/api/credentials", { token, body });
      if (reply.status !== 201) throw new Error(`the credential answered ${reply.status}: ${reply.text}`);
      return reply.body.id;
    },
    async submit(workflowId, input = null, options = {}) {
      const id = await submitStubbornly(request, await person(), { workflowId, input, ...options });
      accepted.add(id);
      return id;
    },
    close,
  };
}

type Cleanup = { after(callback: () => void | Promise<void>): void };

/** FAULT_MUTANT makes every role load one changed text, see mutants.ts. */
function mutantSettings(): Record<string, string> {
  const { FAULT_MUTANT: mutant } = process.env;
  if (!mutant) return {};
  const hook = pathToFileURL(new URL("./apply-mutant.ts", import.meta.url).pathname);
  return { FAULT_MUTANT: mutant, NODE_OPTIONS: `--import=${hook}` };
}

/** `waits`: somebody stays on the line for a second, so that a worker may hear of it past the queue. */
export type SubmitOptions = { waits?: boolean };

let keys = 0;

async function submitStubbornly(
  request: Request,
  { token }: Person,
  { workflowId, input, waits = false }: { workflowId: string; input: unknown } & SubmitOptions,
): Promise<string> {
  const prefer = waits ? { prefer: "wait=1" } : {};
  const headers = { "idempotency-key": `fault-${++keys}`, ...prefer };
  const path = `/api/workflows/${workflowId}/executions`;
  for (const deadline = Date.now() + 60_000; ; ) {
    const reply = await request<{ id: string }>("POST", path, { token, body: { input }, headers }).catch(
      () => null,
    );
    if (reply?.status === 202 || reply?.status === 200) return reply.body.id;
    if (reply && reply.status !== 503) throw new Error(`submit answered ${reply.status}: ${reply.text}`);
    if (Date.now() > deadline) throw new Error("submit was not accepted for 60 s");
    await delay(100);
  }
}
