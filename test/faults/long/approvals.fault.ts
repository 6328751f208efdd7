// People decide around the deadline while workers and the api are killed: what was accepted is what happened, once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { chain } from "../../support/workflows.ts";
import { effect } from "../driver/graphs.ts";
import { judge } from "../driver/judge.ts";
import { openStage, PROFILES, type Stage } from "../driver/stage.ts";

const RUNS = 120;
const DEADLINE_MS = 6_000;

for (const { profile, skip } of PROFILES) {
  test(`approvals under kills on ${profile}`, { skip, timeout: 240_000 }, async (t) => {
    const stage = await openStage({ profile }, t);
    const { sink, trace, random } = stage;
    await Promise.all([stage.start("api"), stage.start("scheduler"), stage.start("worker")]);
    const config = { message: "Pay {{ input.n }}?", deadlineMs: DEADLINE_MS };
    const graph = chain(effect(sink.url, "before"), { id: "ask", type: "flow.approval", config });
    for (const port of ["approved", "rejected", "expired"]) {
      const { id, type, config: call } = effect(sink.url, port);
      graph.nodes.push({ id, type, data: { config: call ?? {} } });
      graph.edges.push({ source: "ask", target: id, ...{ sourceHandle: port } });
    }
    const workflow = await stage.addWorkflow(graph);
    const kills = killNowAndThen(stage);
    const answers = new Map<string, string>();
    const lanes = Array.from({ length: RUNS }, async (_, n) => {
      await delay(n * 40);
      const id = await stage.submit(workflow, { n });
      const approval = await untilAsked(stage, id);
      await delay(random.between(0, DEADLINE_MS + 1_000));
      answers.set(id, await decide(stage, approval, random.next() < 0.3 ? "reject" : "approve"));
    });
    await Promise.all([...lanes, kills]);
    await judge(stage, t);
    const rows = await trace.query<{
      id: string;
      status: string;
      port: string;
      said: number;
      logged: number;
    }>(
      `select a.execution_id id, a.status, s.port, jsonb_array_length(a.decisions) said,
         (select count(*)::int from audit_logs l where l.target_id = a.id::text
            and l.action in ('approval.decided', 'approval.expired')) logged
       from approvals a join execution_steps s on s.execution_id = a.execution_id and s.node_id = 'ask'`,
    );
    assert.equal(rows.length, RUNS, "each was asked once");
    for (const { id, status, port, said, logged } of rows) {
      assert.deepEqual([port, said, logged], [status, status === "expired" ? 0 : 1, 1], id);
      assert.equal(answers.get(id), status, id);
    }
    const counts = Map.groupBy(rows, (row) => row.status);
    t.diagnostic(
      JSON.stringify(Object.fromEntries([...counts].map(([status, all]) => [status, all.length]))),
    );
  });
}

async function killNowAndThen(stage: Stage): Promise<void> {
  for (const role of ["worker", "api", "worker", "worker", "api"] as const) {
    await delay(stage.random.between(1_000, 2_500));
    const [victim] = stage.platform.processes().filter((one) => one.role === role);
    await victim?.kill("SIGKILL");
    await stage.start(role);
  }
}

async function untilAsked({ trace }: Stage, executionId: string): Promise<string> {
  for (;;) {
    const rows = await trace.query<{ id: string }>(
      `select id from approvals where execution_id = '${executionId}'`,
    );
    if (rows[0]) return rows[0].id;
    await delay(50);
  }
}

/** How the person was told it ended; asked again when the api died over it. */
async function decide(stage: Stage, id: string, decision: "approve" | "reject"): Promise<string> {
  const { token } = await stage.person();
  for (;;) {
    const reply = await stage
      .request<{ status: string; code: string }>("POST", `/api/approvals/${id}`, {
        token,
        body: { decision },
      })
      .catch(() => null);
    if (reply?.status === 200) return reply.body.status;
    const code = reply?.body?.code;
    if (code === "already_decided") return decision === "approve" ? "approved" : "rejected";
    if (code === "approval_expired") return "expired";
    assert.ok(reply === null || reply.status >= 500, `${reply?.status} ${reply?.text}`);
    await delay(100);
  }
}
