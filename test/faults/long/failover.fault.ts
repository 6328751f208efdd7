// F14: PostgreSQL comes back without its last seconds, as when a replica takes over that was behind.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES } from "../driver/stage.ts";

const EVERY_MS = 100;

for (const { profile, skip } of PROFILES) {
  test(`F14 a failover loses what was committed last (${profile})`, { skip }, async (t) => {
    const stage = await openStage({ profile, ownPostgres: true }, t);
    const { sink, trace, accepted, postgres } = stage;
    // Kept outside the database, so that what is missing in it is missed.
    const anchored = { AUDIT_ANCHOR_DIR: temporaryFolder(t) };
    const [scheduler] = await Promise.all([
      stage.start("scheduler", anchored),
      stage.start("api", anchored),
      stage.start("worker"),
      stage.start("worker"),
    ]);
    const steps = ["a", "b", "c"].map((name) => effect(sink.url, `slow/300/${name}`));
    const workflow = await stage.addWorkflow(chain(...steps));
    let isOver = false;
    const submitted = (async () => {
      const submissions: Promise<string>[] = [];
      for (let n = 0; !isOver; n++) {
        submissions.push(stage.submit(workflow, { n }));
        await delay(EVERY_MS);
      }
      await Promise.all(submissions);
    })();
    await delay(2_000);
    const kept = new Set(accepted);
    const restore = await postgres?.backUp();
    await delay(1_000);
    // Its last pass signs the heads of what will be lost.
    await scheduler?.kill("SIGTERM");
    await postgres?.crash("SIGKILL", 500, restore);
    const rewoundAt = sink.requests.length;
    await stage.trace.noteFault("failover");
    await stage.start("scheduler", anchored);
    isOver = true;
    await submitted;

    const rows = await trace.query<{ id: string }>("select id from workflow_executions");
    const known = new Set(rows.map(({ id }) => id));
    const forgotten = [...accepted].filter((id) => !known.has(id));
    t.diagnostic(
      `${forgotten.length} executions accepted in the lost second are forgotten, ${known.size} are known`,
    );
    assert.ok(forgotten.length > 0, "something was lost: else nothing is tried here");
    assert.deepEqual(
      forgotten.filter((id) => kept.has(id)),
      [],
      "nothing is forgotten that was replicated",
    );
    for (const id of forgotten) accepted.delete(id);
    await judge(stage, t, { rewoundAt });
    const ends = await trace.query("select id from workflow_executions where status <> 'succeeded'");
    assert.deepEqual(ends, []);
  });
}
