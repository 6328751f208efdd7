// An api, a team of every role, and a worker in this process that runs what is queued: all that approvals need.
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createLogger } from "#core/logger.ts";
import { createExecutionQueue } from "#core/queue/execution-queue.ts";
import { recoverExecutions } from "#core/services/executions/recover-executions.ts";
import { createClaimGate } from "../../worker/claim-gate.ts";
import { createApprovalSource } from "../../worker/create-approval-source.ts";
import { createChildSource } from "../../worker/create-child-source.ts";
import { createRunStore } from "../../worker/create-run-store.ts";
import { createIsolation } from "../../worker/isolation.ts";
import { createProcessor } from "../../worker/process-executions.ts";
import { createRunningExecutions } from "../../worker/running-executions.ts";
import { createWorkflowCache } from "../../worker/workflow-cache.ts";
import { startTestApi, type TestApi } from "./api.ts";
import type { ApiReply, Person } from "./client.ts";
import { type Behaviour, closeEvaluator, draw, type NodeData, testEngine } from "./engine.ts";
import { createExecutionBed, type ExecutionBed, type Row } from "./executions.ts";
import { createTeam, type Team } from "./team.ts";

export type ApprovalView = Row & { id: string; mayDecide: boolean; status: string; decisions: Row[] };

export type ApprovalBed = {
  bed: ExecutionBed;
  api: TestApi;
  team: Team;
  /** What the nodes of type test.pure do, by id. */
  behaviours: Record<string, Behaviour>;
  /** Runs what is queued or due, and what follows from it, until nothing of it is left. */
  settle(): Promise<void>;
  /** Does so again and again, until the returned function is called. */
  keepRunning(): () => Promise<void>;
  /** An execution of start>ask, each port of which leads to a node of its name; it is not run yet. */
  submit(config: Row, data?: Row): Promise<string>;
  /** An execution of what is drawn, under these settings, by the owner unless `columns` say otherwise. */
  start(
    drawing: string,
    nodes: Record<string, NodeData>,
    more?: { columns?: Row; settings?: Row },
  ): Promise<string>;
  /** Submitted and run until it asks. */
  ask(config?: Row, data?: Row): Promise<{ executionId: string; id: string }>;
  decide(person: Pick<Person, "token">, id: string, body?: Row): Promise<ApiReply>;
  /** The items, or the answer when it is none. */
  list(person: Pick<Person, "token">, query?: string): Promise<ApprovalView[]>;
  row(id: string): Promise<Row>;
  /** Actions and details of the log about this target, oldest first. */
  audit(targetId: string): Promise<{ action: string; actor_id: string | null; details: Row }[]>;
  close(): Promise<void>;
};

export async function createApprovalBed(): Promise<ApprovalBed> {
  const bed = await createExecutionBed();
  const api = await startTestApi(bed.databaseUrl);
  const team = await createTeam(api);
  const behaviours: Record<string, Behaviour> = {};
  const runner = createRunner(bed, behaviours);
  const start: ApprovalBed["start"] = async (drawing, nodes, { columns = {}, settings = {} } = {}) => {
    const place = { userId: team.owner.userId, workspaceId: team.workspaceId };
    const workflow_id = await bed.addWorkflow(place, { ...(draw(drawing, nodes) as object), settings });
    const own = { workspace_id: place.workspaceId, user_id: place.userId, workflow_id };
    return bed.addExecution({ ...own, input: { n: 1 }, ...columns });
  };
  const submit: ApprovalBed["submit"] = (config, data = {}) => {
    const ask = { type: "flow.approval", config: { message: "Pay {{ input.n }}?", ...config }, ...data };
    return start("start>ask ask:approved>approved ask:rejected>rejected ask:expired>expired", { ask });
  };
  const list: ApprovalBed["list"] = async ({ token }, query = "") => {
    const reply = await api.request<{ items: ApprovalView[] }>("GET", `/api/approvals?${query}`, { token });
    if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.text}`);
    return reply.body.items;
  };
  const rows = async (text: string, value: string) => (await bed.admin.query(text, [value])).rows;
  return {
    ...{ bed, api, team, behaviours, start, submit, list },
    settle: runner.settle,
    keepRunning: runner.keepRunning,
    async ask(config = {}, data = {}) {
      const executionId = await submit(config, data);
      await runner.settle();
      const [asked] = await rows("select id from approvals where execution_id = $1", executionId);
      if (!asked) throw new Error(`nobody was asked: ${JSON.stringify(await bed.execution(executionId))}`);
      return { executionId, id: asked.id as string };
    },
    decide: ({ token }, id, body = { decision: "approve" }) =>
      api.request("POST", `/api/approvals/${id}`, { token, body }),
    row: async (id) => (await rows("select * from approvals where id = $1", id))[0] as Row,
    audit: (targetId) =>
      rows(
        "select action, actor_id, details from audit_logs where target_id = $1 order by chain_id, seq",
        targetId,
      ),
    async close() {
      await runner.close();
      await api.close();
      await bed.close();
    },
  };
}

function createRunner(bed: ExecutionBed, behaviours: Record<string, Behaviour>) {
  const { databaseUrl } = bed;
  const queue = createExecutionQueue({ kind: "postgres", databaseUrl, role: "atelier_worker" });
  const database = bed.open("atelier_worker");
  const scheduler = bed.open("atelier_scheduler");
  const { engine, catalogue } = testEngine(createRunStore(database), behaviours);
  const handle = createProcessor({
    database,
    queue,
    gate: createClaimGate({
      database,
      workerId: uuidv7(),
      queue,
      onClaimed: () => {},
      onError: () => {},
    }),
    leases: { hold: () => {}, drop: () => {}, stop: async () => {} },
    isolation: createIsolation(),
    workflows: createWorkflowCache(database, catalogue),
    running: createRunningExecutions(),
    engine: { ...engine, children: createChildSource(database), approvals: createApprovalSource(database) },
    logger: createLogger("worker", "silent"),
  });
  const runQueued = async (): Promise<number> => {
    await recoverExecutions(scheduler, queue);
    const { rows } = await bed.admin.query(
      "select id from workflow_executions where status = 'queued' and available_at <= now()",
    );
    await Promise.all(rows.map((row) => handle(row.id)));
    return rows.length;
  };
  return {
    async settle() {
      while ((await runQueued()) > 0);
    },
    keepRunning() {
      let isWanted = true;
      const loop = (async () => {
        while (isWanted) if ((await runQueued()) === 0) await delay(5);
      })();
      return () => {
        isWanted = false;
        return loop;
      };
    },
    async close() {
      await queue.close();
      await closeEvaluator();
    },
  };
}
