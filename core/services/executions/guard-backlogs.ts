// Before executions are inserted for people: how much room their workspaces' queues have, and how far behind they are heard.
import { AppError } from "../../domain/app-error.ts";
import type { Executor } from "../../persistence/database.ts";
import { findWorkspacesOf } from "../../persistence/executions/backlogs.ts";
import type { NewExecution, Room } from "../../persistence/executions/insert-executions.ts";
import { createRoomFinder, FULL_MS } from "./find-rooms.ts";
import { remember } from "./remember.ts";
import { createWorkspaceLoad } from "./workspace-load.ts";

export type BacklogGuard = {
  /**
   * The rows with their bands, the room of those workspaces that are near their limit, and all workspaces in which
   * something may be made.
   */
  look(tx: Executor, rows: readonly NewExecution[]): Promise<Looked>;
  /** Throws `queue_full` when this workspace's queue takes no other: for what people start one at a time. */
  requireRoom(tx: Executor, workspaceId: string): Promise<void>;
  /** What became of them, after the commit. */
  note(submitted: readonly ({ workspaceId: string; made: boolean } | string)[]): void;
};

export type Looked = { rows: NewExecution[]; rooms: Room[]; workspaceIds: string[] };

/** `limit` executions of a workspace may be queued where its owner has not said how many. */
export function createBacklogGuard(limit: number): BacklogGuard {
  const workspaces = new Map<string, string>();
  const rooms = createRoomFinder(limit);
  const load = createWorkspaceLoad();

  const learnWorkspaces = async (tx: Executor, rows: readonly NewExecution[]) => {
    const unknown = new Set(rows.map((row) => row.workflowId).filter((id) => !workspaces.has(id)));
    if (unknown.size === 0) return;
    for (const [id, workspaceId] of await findWorkspacesOf(tx, [...unknown])) {
      remember(workspaces, id, workspaceId);
    }
  };

  return {
    async look(tx, rows) {
      await learnWorkspaces(tx, rows);
      const adding = new Map<string, number>();
      for (const { workflowId, workspaceIds } of rows) {
        const id = workspaces.get(workflowId);
        // Who may not run it there sees nothing of that queue, and what is counted holds for everybody.
        if (id !== undefined && workspaceIds.includes(id)) adding.set(id, (adding.get(id) ?? 0) + 1);
      }
      const bandOf = (workflowId: string) => {
        const id = workspaces.get(workflowId) ?? "";
        return load.bandOf(id, adding.get(id) ?? 0);
      };
      return {
        rooms: await rooms.find(tx, adding),
        workspaceIds: [...adding.keys()],
        rows: rows.map((row) => ({ ...row, band: bandOf(row.workflowId) })),
      };
    },
    async requireRoom(tx, workspaceId) {
      const near = await rooms.find(tx, new Map([[workspaceId, 1]]));
      if (near.some(({ room }) => room === 0)) throw queueFull();
    },
    note(submitted) {
      const made = submitted.filter((one) => typeof one === "object").filter((one) => one.made);
      for (const [workspaceId, { length }] of Map.groupBy(made, (one) => one.workspaceId)) {
        load.note(workspaceId, length);
        rooms.added(workspaceId, length);
      }
    },
  };
}

export function queueFull(): AppError {
  const detail = "The queue of this workspace is full: wait until some of its executions have run";
  return new AppError("queue_full", detail, { retryable: true, details: { retryAfterMs: 2 * FULL_MS } });
}
