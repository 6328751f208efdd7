// F02, F08 and a bit of everything: for a minute or more, something dies or is cut every second or two, under load.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chain } from "../../support/workflows.ts";
import { effect, everyKind } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES, type Stage } from "../driver/stage.ts";

const SECONDS = Number(process.env.FAULT_STORM_SECONDS ?? 60);
const WORKERS = 3;
/** Runs under way at most: what a worker took down must not be refused for load. */
const LANES = 50;

for (const { profile, skip } of PROFILES) {
  test(`F02 F08 a storm of ${SECONDS} s (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile }, t);
    const { random, sink } = stage;
    await Promise.all([stage.start("api"), stage.start("scheduler")]);
    for (let n = 0; n < WORKERS; n++) await stage.start("worker");
    const row = chain(...["a", "b", "c"].map((name) => effect(sink.url, `slow/100/${name}`)));
    const workflows = [await stage.addWorkflow(row), await stage.addWorkflow(everyKind(sink.url))];
    const end = Date.now() + SECONDS * 1_000;
    let n = 0;
    const load = Promise.all(
      Array.from({ length: LANES }, async () => {
        while (Date.now() < end) {
          await stage.submit(random.pick(workflows), { n: n++ }, { waits: random.next() < 0.5 });
          await delay(random.between(200, 2_000));
        }
      }),
    );
    const told: Record<string, number> = {};
    while (Date.now() < end) {
      const blow = random.pick(BLOWS);
      told[blow.name] = (told[blow.name] ?? 0) + 1;
      await blow.strike(stage);
      await delay(random.between(1_000, 3_000));
    }
    await load;
    await judge(stage, t, { patienceMs: 120_000, recoveryMs: 30_000 });
    // An execution in flight when two workers died by chance is no poison, but from then on it runs alone: the third death
    // fails no other.
    const [{ n: taken } = { n: 0 }] = await stage.trace.query<{ n: number }>(
      "select count(*)::int n from workflow_executions where error ->> 'code' = 'worker_lost'",
    );
    t.diagnostic(JSON.stringify({ ...told, submitted: n, "failed with worker_lost": taken }));
    const deaths = (told["worker killed"] ?? 0) + (told["worker aborted"] ?? 0);
    assert.ok(taken <= deaths, `${taken} innocents failed with worker_lost in ${deaths} deaths of workers`);
    const odd = await stage.trace.query(
      "select id, error from workflow_executions where status <> 'succeeded' and error ->> 'code' <> 'worker_lost'",
    );
    assert.deepEqual(odd, []);
  });
}

type Blow = { name: string; strike(stage: Stage): Promise<unknown> };

async function replace(stage: Stage, role: "api" | "worker" | "scheduler", signal: NodeJS.Signals) {
  const victims = stage.platform.processes().filter((process) => process.role === role);
  if (victims.length > 0) await stage.random.pick(victims).kill(signal);
  await stage.start(role);
}

const BLOWS: readonly Blow[] = [
  { name: "worker killed", strike: (stage) => replace(stage, "worker", "SIGKILL") },
  { name: "worker killed", strike: (stage) => replace(stage, "worker", "SIGKILL") },
  { name: "worker aborted", strike: (stage) => replace(stage, "worker", "SIGABRT") },
  { name: "worker stopped", strike: (stage) => replace(stage, "worker", "SIGTERM") },
  { name: "api killed", strike: (stage) => replace(stage, "api", "SIGKILL") },
  { name: "scheduler killed", strike: (stage) => replace(stage, "scheduler", "SIGKILL") },
  {
    name: "lines reset",
    async strike({ lines }) {
      lines.postgres.reset();
      lines.redis?.reset();
    },
  },
  {
    name: "lines cut in a statement",
    strike: async ({ lines, random }) => lines.postgres.cutAfter(random.between(1, 2_000)),
  },
  {
    name: "queue forgot",
    strike: ({ redis, trace }) => redis?.client.flushall() ?? trace.query("delete from bullmq.job"),
  },
];
