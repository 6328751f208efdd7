// Before submissions are inserted: how much room their workspaces' queues have, and how far behind they are heard.
import { AppError } from "../../domain/app-error.ts";
import type { Executor } from "../../persistence/database.ts";
import { countQueued, findWorkspacesOf, lockBacklogs } from "../../persistence/executions/backlogs.ts";
import type { NewExecution, Room } from "../../persistence/executions/insert-executions.ts";
import { createWorkspaceLoad } from "./workspace-load.ts";

export type BacklogGuard = {
  /** The rows with their bands, and the room of those workspaces that are near their limit. */
  look(tx: Executor, rows: readonly NewExecution[]): Promise<{ rows: NewExecution[]; rooms: Room[] }>;
  /** What became of them, after the commit. */
  note(submitted: readonly ({ workspaceId: string; made: boolean } | string)[]): void;
};

/** Counted under a lock from so near the limit on; more than can be on its way in one process. */
const NEAR = 2_000;
/** A queue that was full is not counted again for so long: 100,000 rows take a while, and clients ask often. */
const FULL_MS = 1_000;
const MAX_KNOWN = 10_000;

type Backlog = { counted: number; added: number; fullUntil: number };

/**
 * `limit` executions of a workspace may be queued. Far from it this process counts only once per hundredth of the limit
 * that it adds itself, so that a submission costs the same however many are queued; near it, it counts under a lock.
 */
export function createBacklogGuard(limit: number): BacklogGuard {
  const workspaces = new Map<string, string>();
  const backlogs = new Map<string, Backlog>();
  const load = createWorkspaceLoad();

  const learnWorkspaces = async (tx: Executor, rows: readonly NewExecution[]) => {
    const unknown = new Set(rows.map((row) => row.workflowId).filter((id) => !workspaces.has(id)));
    if (unknown.size === 0) return;
    for (const [id, workspaceId] of await findWorkspacesOf(tx, [...unknown])) {
      remember(workspaces, id, workspaceId);
    }
  };

  const mustCount = (workspaceId: string, adding: number) => {
    const known = backlogs.get(workspaceId);
    if (!known) return true;
    return known.added + adding > limit / 100 || known.counted + known.added + adding > limit - NEAR;
  };

  const count = async (tx: Executor, workspaceIds: readonly string[]) => {
    const counts = await countQueued(tx, workspaceIds, limit + 1);
    for (const [id, counted] of counts) remember(backlogs, id, { counted, added: 0, fullUntil: 0 });
    return counts;
  };

  const findRooms = async (tx: Executor, adding: ReadonlyMap<string, number>): Promise<Room[]> => {
    const isFull = (id: string) => (backlogs.get(id)?.fullUntil ?? 0) > Date.now();
    const full = [...adding.keys()].filter(isFull).map((workspaceId) => ({ workspaceId, room: 0 }));
    const counting = [...adding].filter(([id, rows]) => !isFull(id) && mustCount(id, rows)).map(([id]) => id);
    if (counting.length === 0) return full;
    const counts = await count(tx, counting);
    const near = counting.filter((id) => (counts.get(id) ?? 0) + (adding.get(id) ?? 0) > limit - NEAR);
    if (near.length === 0) return full;
    await lockBacklogs(tx, near);
    const exact = [...(await count(tx, near))].map(([workspaceId, queued]) => ({
      workspaceId,
      room: Math.max(0, limit - queued),
    }));
    for (const { workspaceId, room } of exact) {
      if (room === 0) (backlogs.get(workspaceId) as Backlog).fullUntil = Date.now() + FULL_MS;
    }
    return [...full, ...exact];
  };

  return {
    async look(tx, rows) {
      await learnWorkspaces(tx, rows);
      const adding = new Map<string, number>();
      for (const { workflowId } of rows) {
        const id = workspaces.get(workflowId);
        if (id !== undefined) adding.set(id, (adding.get(id) ?? 0) + 1);
      }
      const rooms = await findRooms(tx, adding);
      const bandOf = (workflowId: string) => {
        const id = workspaces.get(workflowId) ?? "";
        return load.bandOf(id, adding.get(id) ?? 0);
      };
      return { rows: rows.map((row) => ({ ...row, band: bandOf(row.workflowId) })), rooms };
    },
    note(submitted) {
      const made = submitted.filter((one) => typeof one === "object").filter((one) => one.made);
      for (const [workspaceId, { length }] of Map.groupBy(made, (one) => one.workspaceId)) {
        load.note(workspaceId, length);
        const backlog = backlogs.get(workspaceId);
        if (backlog) backlog.added += length;
      }
    },
  };
}

export function queueFull(): AppError {
  const detail = "The queue of this workspace is full: wait until some of its executions have run";
  return new AppError("queue_full", detail, { retryable: true, details: { retryAfterMs: 2 * FULL_MS } });
}

/** Whoever was learned first is forgotten first, and learned again when it comes back. */
function remember<Value>(known: Map<string, Value>, id: string, value: Value): void {
  known.delete(id);
  known.set(id, value);
  if (known.size > MAX_KNOWN) known.delete(known.keys().next().value as string);
}
