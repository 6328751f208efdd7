// An api, a team of every role, and a worker in this process that runs what is queued: all that approvals need.
import { setTimeout as delay } from "node:timers/promises";
import { createExecutionQueue } from "#core/queue/execution-queue.ts";
import { startTestApi, type TestApi } from "./api.ts";
import type { ApiReply, Person } from "./client.ts";
import { type Behaviour, closeEvaluator, draw, type NodeData } from "./engine.ts";
import { createExecutionBed, type ExecutionBed, type Row } from "./executions.ts";
import { createInlineWorker } from "./inline-worker.ts";
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

/** Nothing stays behind when it fails. */
export async function createApprovalBed(): Promise<ApprovalBed> {
  await using opened = new AsyncDisposableStack();
  const bed = opened.adopt(await createExecutionBed(), (made) => made.close());
  const api = opened.adopt(await startTestApi(bed.databaseUrl), (made) => made.close());
  const team = await createTeam(api);
  const behaviours: Record<string, Behaviour> = {};
  const runner = opened.adopt(createRunner(bed, behaviours), (made) => made.close());
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
  const running = opened.move();
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
    close: () => running.disposeAsync(),
  };
}

function createRunner(bed: ExecutionBed, behaviours: Record<string, Behaviour>) {
  const { databaseUrl } = bed;
  const queue = createExecutionQueue({ kind: "postgres", databaseUrl, role: "atelier_worker" });
  const { runQueued } = createInlineWorker({ bed, queue, behaviours });
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
