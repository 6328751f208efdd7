// F13, F22, F24: Redis is away, silent, paused, full or read-only; its queue is cleaned and its jobs are played again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createExecutionQueue } from "../../../core/queue/execution-queue.ts";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES, type Stage } from "../driver/stage.ts";

const RUNS = 40;
const skip = PROFILES.find(({ profile }) => profile === "redis")?.skip ?? false;

async function startAll(stage: Stage): Promise<string> {
  await Promise.all([stage.start("api"), stage.start("scheduler"), stage.start("worker")]);
  return stage.addWorkflow(chain(...["a", "b"].map((name) => effect(stage.sink.url, `slow/100/${name}`))));
}

async function submitAll(stage: Stage, workflow: string): Promise<void> {
  for (let n = 0; n < RUNS; n++) {
    await stage.submit(workflow, { n: stage.accepted.size });
    await delay(50);
  }
}

const AWAY: readonly {
  what: string;
  begin(stage: Stage): Promise<unknown>;
  end(stage: Stage): Promise<unknown>;
}[] = [
  {
    what: "down",
    begin: async ({ redis }) => redis?.kill(),
    end: async ({ redis }) => redis?.restart("empty"),
  },
  {
    what: "silent",
    begin: async ({ lines }) => lines.redis?.set({ kind: "drop" }),
    async end({ lines }) {
      lines.redis?.set({ kind: "pass" });
      lines.redis?.reset();
    },
  },
  {
    what: "paused",
    begin: async ({ redis }) => redis?.client.call("CLIENT", "PAUSE", "8000", "ALL"),
    end: async () => {},
  },
  {
    what: "full",
    begin: async ({ redis }) => redis?.client.config("SET", "maxmemory", "1"),
    end: async ({ redis }) => redis?.client.config("SET", "maxmemory", "0"),
  },
  {
    what: "a read-only replica",
    begin: async ({ redis }) => redis?.client.call("REPLICAOF", "127.0.0.1", "1"),
    end: async ({ redis }) => redis?.client.call("REPLICAOF", "NO", "ONE"),
  },
];

for (const { what, begin, end } of AWAY) {
  test(`F22 Redis is ${what} under load: what is submitted is accepted, and runs afterwards`, {
    skip,
  }, async (t) => {
    const stage = await openStage({ profile: "redis" }, t);
    const workflow = await startAll(stage);
    const submitted = submitAll(stage, workflow);
    await delay(500);
    await begin(stage);
    await submitted;
    await delay(6_000);
    await end(stage);
    await stage.trace.noteFault(what);
    await judge(stage, t, { patienceMs: 90_000, recoveryMs: 30_000 });
  });
}

test("F24 the queue is cleaned and obliterated, ended jobs are played again", { skip }, async (t) => {
  const stage = await openStage({ profile: "redis" }, t);
  const workflow = await startAll(stage);
  const queue = createExecutionQueue({ kind: "redis", redisUrl: stage.redis?.url ?? "" });
  t.after(() => queue.close());
  const submitted = submitAll(stage, workflow);
  await delay(800);
  // That of busy workspaces, too: who submits so much is one.
  const both = [queue.bull, queue.busy];
  for (const each of both) await each.clean(0, 1_000, "prioritized");
  await delay(500);
  for (const each of both) await each.obliterate({ force: true });
  await submitted;
  await judge(stage, t);
  const ended = (await Promise.all(both.map((each) => each.getJobs(["completed"])))).flat();
  assert.ok(ended.length > 0, "nothing was left to play again");
  await Promise.all(ended.map((job) => job.retry("completed").catch(() => {})));
  await delay(2_000);
  await judge(stage, t);
  assert.equal(stage.sink.requests.length, RUNS * 2);
});
