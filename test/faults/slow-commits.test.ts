// F13: 150 ms to PostgreSQL and back. No effect goes out before what it follows from is committed.
import { test } from "node:test";
import { chain } from "../support/workflows.ts";
import { effect, everyKind } from "./driver/graphs.ts";
import { judge } from "./driver/judge.ts";
import { openStage } from "./driver/stage.ts";

test("F13 PostgreSQL is slow to answer: no effect overtakes its commit", async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  await Promise.all([stage.start("api"), stage.start("scheduler"), stage.start("worker")]);
  const all = await stage.addWorkflow(everyKind(stage.sink.url, await stage.addCredential()));
  const row = await stage.addWorkflow(chain(...["a", "b", "c"].map((name) => effect(stage.sink.url, name))));
  stage.lines.postgres.set({ kind: "delay", ms: 75 });
  for (let n = 0; n < 6; n++) await stage.submit(n % 2 ? all : row, { n });
  await judge(stage, t);
});
