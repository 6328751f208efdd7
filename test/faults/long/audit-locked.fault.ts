// F46: the audit log is locked for 15 s. Nothing is done that could not be written down; everything goes on afterwards.
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage } from "../driver/stage.ts";

test("F46 the audit log cannot be written for 15 s", async (t) => {
  const stage = await openStage({ profile: "embedded" }, t);
  await Promise.all([stage.start("api"), stage.start("scheduler"), stage.start("worker")]);
  const workflow = await stage.addWorkflow(chain(effect(stage.sink.url, "slow/100/a")));
  const locker = new pg.Client({ connectionString: stage.trace.databaseUrl });
  await locker.connect();
  await locker.query("begin");
  await locker.query("lock table audit_logs in exclusive mode");
  const submitted = Promise.all(Array.from({ length: 20 }, (_, n) => stage.submit(workflow, { n })));
  await delay(15_000);
  await locker.query("rollback");
  await locker.end();
  await stage.trace.noteFault("audit log locked");
  await submitted;
  await judge(stage, t);
});
