// Rows of people, workflows and executions for tests, written past every policy, and how they look now.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import type { StepRecord } from "../../core/domain/journal.ts";
import type { Actor, WorkspaceRole } from "../../core/domain/roles.ts";
import { createDatabase, type Database, type RuntimeRole } from "../../core/persistence/database.ts";
import { createTestDatabase } from "./database.ts";

export type Row = Record<string, unknown>;

export type ExecutionBed = {
  databaseUrl: string;
  /** The superuser's connections. */
  admin: pg.Pool;
  /** A pool as this role, closed at the end; more than one on purpose gives more than one worker. */
  open(role: RuntimeRole, maxConnections?: number): Database;
  addPerson(role?: WorkspaceRole, workspaceId?: string): Promise<Actor & { workspaceId: string }>;
  /** Version 1 of a workflow with one trigger "start". */
  addWorkflow(person: { userId: string; workspaceId: string }, graph?: unknown): Promise<string>;
  /** Inserts an execution as it is given; the rest is queued and due. */
  addExecution(columns?: Row): Promise<string>;
  /** As many executions that wait for ever, made by this one. */
  addChildren(parent: string, count: number): Promise<void>;
  execution(id: string): Promise<Row>;
  steps(id: string): Promise<Row[]>;
  /** Cuts every connection to the database but the test's own. */
  cutConnections(): Promise<number>;
  close(): Promise<void>;
};

const GRAPH = { nodes: [{ id: "start", type: "trigger.manual" }], edges: [] };

export async function createExecutionBed(): Promise<ExecutionBed> {
  const testDatabase = await createTestDatabase();
  const admin = new pg.Pool({ connectionString: testDatabase.adminUrl, max: 3, application_name: "test" });
  // The pool ends before its sockets have closed, and the forced drop of the database may be faster.
  admin.on("error", () => {});
  admin.on("connect", (client) => client.on("error", () => {}));
  const open: Database[] = [];
  const insert = (table: string, row: Row) => {
    const columns = Object.keys(row);
    const places = columns.map((_, index) => `$${index + 1}`);
    const text = `insert into ${table} (${columns.join(", ")}) values (${places.join(", ")})`;
    return admin.query(text, Object.values(row));
  };
  return {
    databaseUrl: testDatabase.databaseUrl,
    admin,
    open(role, maxConnections = 4) {
      const database = createDatabase({ databaseUrl: testDatabase.databaseUrl, role, maxConnections });
      open.push(database);
      return database;
    },
    async addPerson(role = "owner", workspaceId) {
      const userId = uuidv7();
      const home = workspaceId ?? uuidv7();
      const email = `${userId}@example.com`;
      await insert("users", { id: userId, email, name: role, password_hash: "-" });
      if (!workspaceId)
        await insert("workspaces", { id: home, name: role, personal: true, created_by: userId });
      await insert("workspace_members", { workspace_id: home, user_id: userId, role });
      const memberships = [{ workspaceId: home, role }];
      return {
        userId,
        sessionId: uuidv7(),
        apiKey: null,
        email,
        name: role,
        isAdmin: false,
        memberships,
        workspaceId: home,
      };
    },
    async addWorkflow({ userId, workspaceId }, graph = GRAPH) {
      const id = uuidv7();
      await insert("workflows", { id, workspace_id: workspaceId, owner_id: userId, name: "test" });
      await insert("workflow_versions", {
        workspace_id: workspaceId,
        workflow_id: id,
        version: 1,
        content_hash: randomBytes(32),
        graph: JSON.stringify(graph),
        created_by: userId,
      });
      return id;
    },
    async addExecution(columns = {}) {
      const id = uuidv7();
      const row = {
        id,
        workspace_id: uuidv7(),
        workflow_id: uuidv7(),
        version: 1,
        user_id: uuidv7(),
        root_id: id,
      };
      const rung = { rung_at: new Date() };
      await insert("workflow_executions", { ...row, ...rung, ...columns });
      return id;
    },
    async addChildren(parent, count) {
      await admin.query(
        `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id, parent_id, parent_node,
           parent_iteration, depth, status, available_at, trigger_type, people_behind)
         select gen_random_uuid(), workspace_id, workflow_id, version, user_id, id, id, 'n', n::text, 1, 'waiting', 'infinity',
           'subworkflow', '{}' from workflow_executions, generate_series(1, $2::int) n where id = $1`,
        [parent, count],
      );
    },
    async execution(id) {
      const { rows } = await admin.query("select * from workflow_executions where id = $1", [id]);
      return (rows[0] ?? {}) as Row;
    },
    async steps(id) {
      const text = "select * from execution_steps where execution_id = $1 order by seq";
      return (await admin.query(text, [id])).rows as Row[];
    },
    async cutConnections() {
      const { rowCount } = await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name <> 'test'`,
      );
      return rowCount ?? 0;
    },
    async close() {
      await Promise.all(open.map((database) => database.close()));
      await admin.end();
      await testDatabase.drop();
    },
  };
}

/** A finished step of a pure node, unless `given` says otherwise. */
export function stepOf(nodeId: string, given: Partial<StepRecord> = {}): StepRecord {
  return {
    nodeId,
    nodeType: "data.transform",
    iteration: "",
    attempt: 1,
    status: "succeeded",
    seq: 1,
    effect: "pure",
    idempotencyKey: null,
    port: null,
    input: null,
    output: null,
    error: null,
    startedAt: "2026-03-01T12:00:00.123Z",
    finishedAt: "2026-03-01T12:00:00.456Z",
    ...given,
  };
}
