// How much room the queues of workspaces have: counted seldom far from their depth, exactly and under a lock near it.
import type { Executor } from "../../persistence/database.ts";
import { countQueued, findDepths, lockBacklogs } from "../../persistence/executions/backlogs.ts";
import type { Room } from "../../persistence/executions/insert-executions.ts";
import { remember } from "./remember.ts";

export type RoomFinder = {
  /** `adding`: how many, by workspace. The rooms of those that are near their depth; the others take all. */
  find(tx: Executor, adding: ReadonlyMap<string, number>): Promise<Room[]>;
  /** So many more are committed. */
  added(workspaceId: string, count: number): void;
};

/** Counted under a lock from so near the depth on; more than can be on its way in one process. */
const NEAR = 2_000;
/** A queue that was full is not counted again for so long: 100,000 rows take a while, and clients ask often. */
export const FULL_MS = 1_000;
/** What an owner says of their queue is heard by every process within so long. */
const DEPTH_MS = 5_000;

type Backlog = { counted: number; added: number; fullUntil: number };

/**
 * `limit` executions of a workspace may be queued where its owner has not said how many. Far from it this process counts only
 * once per hundredth of it that it adds itself, so that a submission costs the same however many are queued; near it, it counts
 * under a lock.
 */
export function createRoomFinder(limit: number): RoomFinder {
  const backlogs = new Map<string, Backlog>();
  const depths = new Map<string, { depth: number; until: number }>();
  const depthOf = (id: string) => depths.get(id)?.depth ?? limit;
  const isFull = (id: string) => (backlogs.get(id)?.fullUntil ?? 0) > Date.now();

  const learnDepths = async (tx: Executor, workspaceIds: readonly string[]) => {
    const now = Date.now();
    const stale = workspaceIds.filter((id) => (depths.get(id)?.until ?? 0) <= now);
    if (stale.length === 0) return;
    const said = await findDepths(tx, stale);
    for (const id of stale) remember(depths, id, { depth: said.get(id) ?? limit, until: now + DEPTH_MS });
  };

  const mustCount = (workspaceId: string, adding: number) => {
    const known = backlogs.get(workspaceId);
    if (!known) return true;
    const depth = depthOf(workspaceId);
    return known.added + adding > depth / 100 || known.counted + known.added + adding > depth - NEAR;
  };

  const count = async (tx: Executor, workspaceIds: readonly string[]) => {
    const atMost = workspaceIds.map((id) => depthOf(id) + 1);
    const counts = await countQueued(tx, workspaceIds, atMost);
    for (const [id, counted] of counts) remember(backlogs, id, { counted, added: 0, fullUntil: 0 });
    return counts;
  };

  return {
    async find(tx, adding) {
      await learnDepths(tx, [...adding.keys()]);
      const full = [...adding.keys()].filter(isFull).map((workspaceId) => ({ workspaceId, room: 0 }));
      const counting = [...adding]
        .filter(([id, rows]) => !isFull(id) && mustCount(id, rows))
        .map(([id]) => id);
      if (counting.length === 0) return full;
      const counts = await count(tx, counting);
      const near = counting.filter(
        (id) => (counts.get(id) ?? 0) + (adding.get(id) ?? 0) > depthOf(id) - NEAR,
      );
      if (near.length === 0) return full;
      await lockBacklogs(tx, near);
      const exact = [...(await count(tx, near))].map(([workspaceId, queued]) => ({
        workspaceId,
        room: Math.max(0, depthOf(workspaceId) - queued),
      }));
      for (const { workspaceId, room } of exact) {
        if (room === 0) (backlogs.get(workspaceId) as Backlog).fullUntil = Date.now() + FULL_MS;
      }
      return [...full, ...exact];
    },
    added(workspaceId, count) {
      const backlog = backlogs.get(workspaceId);
      if (backlog) backlog.added += count;
    },
  };
}
