// An api, workspaces with a reader in them, and executions and files that hold a secret.
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { startTestApi, type TestApi } from "../../support/api.ts";
import type { ApiReply, Person } from "../../support/client.ts";
import { createExecutionBed, type ExecutionBed } from "../../support/executions.ts";
import { createWorkspace } from "../../support/team.ts";
import { chain } from "../../support/workflows.ts";

export const SECRET = "Ada has measles";

export type ReadBed = {
  api: TestApi;
  bed: ExecutionBed;
  owner: Person;
  /** A member of every place. */
  reader: Person;
  /** A member of none. */
  stranger: Person;
  /** A workspace of its own. */
  addPlace(options?: { auditReads?: boolean; role?: string }): Promise<string>;
  /** Failed, with a step; the secret is in all of it. */
  addExecution(workspaceId: string, labels?: readonly string[]): Promise<string>;
  /** Its message is the secret. */
  addApproval(workspaceId: string, executionId: string): Promise<void>;
  addFile(workspaceId: string, labels?: readonly string[]): Promise<string>;
  addWorkflow(workspaceId: string): Promise<string>;
  /** Ends what was submitted to the workflow and is queued, as a worker would; 0 when there was nothing. */
  endNext(workflowId: string): Promise<number>;
  /** What the workspace's log says about reads, oldest first. */
  readsIn(workspaceId: string): Promise<ReadEntry[]>;
  /** While `work` runs no entry about a read can be written. */
  withoutAudit<Result>(work: () => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
};

export type ReadEntry = {
  actorId: string;
  action: string;
  targetId: string;
  details: { how: string; labels: string[]; apiKeyId?: string };
};

export async function createReadBed(): Promise<ReadBed> {
  const bed = await createExecutionBed();
  const api = await startTestApi(bed.databaseUrl);
  const [owner, reader, stranger] = [await api.register(), await api.register(), await api.register()];
  return {
    ...{ api, bed, owner, reader, stranger },
    ...createThings(bed, api, { owner, reader }),
    async readsIn(workspaceId) {
      const text = `select actor_id "actorId", action, target_id "targetId", details from audit_logs
        where chain_id = $1 and action like '%.read' order by seq`;
      return (await bed.admin.query(text, [workspaceId])).rows as ReadEntry[];
    },
    async withoutAudit(work) {
      await bed.admin.query(
        "alter table audit_logs add constraint broken check (action not like '%.read') not valid",
      );
      return work().finally(() => bed.admin.query("alter table audit_logs drop constraint broken"));
    },
    async close() {
      await api.close();
      await bed.close();
    },
  };
}

type Things = Pick<
  ReadBed,
  "addPlace" | "addExecution" | "addApproval" | "addFile" | "addWorkflow" | "endNext"
>;

function createThings(
  bed: ExecutionBed,
  api: TestApi,
  { owner, reader }: { owner: Person; reader: Person },
): Things {
  const must = (reply: ApiReply) => {
    if (reply.status >= 300) throw new Error(`${reply.status}: ${reply.text}`);
    return reply.body as { id: string };
  };
  const { token } = owner;
  return {
    async addPlace({ auditReads = false, role = "operator" } = {}) {
      const id = await createWorkspace(api, owner);
      await bed.admin.query(
        "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, $3)",
        [id, reader.userId, role],
      );
      if (auditReads)
        must(await api.request("PATCH", `/api/workspaces/${id}`, { token, body: { auditReads } }));
      return id;
    },
    async addExecution(workspaceId, labels = []) {
      const secret = JSON.stringify({ secret: SECRET });
      const id = await bed.addExecution({
        ...{ workspace_id: workspaceId, status: "failed", labels, input: secret, output: secret },
        error: JSON.stringify({ code: "x", message: SECRET }),
      });
      await bed.admin.query(
        `insert into execution_steps (execution_id, node_id, workspace_id, node_type, status, seq, fence, output)
         values ($1, 'start', $2, 'trigger.manual', 'succeeded', 1, 1, $3)`,
        [id, workspaceId, secret],
      );
      return id;
    },
    async addApproval(workspaceId, executionId) {
      await bed.admin.query(
        `insert into approvals (id, workspace_id, execution_id, node_id, message) values ($1, $2, $3, 'ask', $4)`,
        [uuidv7(), workspaceId, executionId, SECRET],
      );
    },
    async addFile(workspaceId, labels = []) {
      const path = `/api/files?${new URLSearchParams({
        ...{ name: "a.txt", workspaceId },
        ...(labels.length > 0 && { labels: labels.join(",") }),
      })}`;
      const headers = { "content-type": "text/plain" };
      return must(await api.request("POST", path, { token, headers, body: Buffer.from(SECRET) })).id;
    },
    async addWorkflow(workspaceId) {
      const body = { name: "ward", graph: chain(), workspaceId };
      return must(await api.request("POST", "/api/workflows", { token, body })).id;
    },
    async endNext(workflowId) {
      for (let look = 0; look < 100; look++) {
        const { rowCount } = await bed.admin.query(
          `update workflow_executions set status = 'succeeded', output = $2, finished_at = now()
           where workflow_id = $1 and status = 'queued'`,
          [workflowId, JSON.stringify({ secret: SECRET })],
        );
        if (rowCount) return rowCount;
        await delay(50);
      }
      return 0;
    },
  };
}
