// Workspaces in which somebody holds what firing needs, such as the head of their log: they rest, and are not waited for twice.
import { findHeldHeads } from "../../persistence/audit/held-heads.ts";
import type { Executor } from "../../persistence/database.ts";
import { createPostponements } from "./postponements.ts";

/** A schedule and where it is. */
export type Place = { id: string; workspaceId: string };

export type BusyWorkspaces = {
  /** It rests. */
  has(workspaceId: string): boolean;
  /** Behind a single one that was not waited for in vain stands nobody. */
  isWorthAsking(places: readonly Place[]): boolean;
  /** Whose log others hold at this moment; those of them that were waited for in vain rest again. */
  ask(tx: Executor, places: readonly Place[]): Promise<Set<string>>;
  /** Its workspace was waited for in vain. */
  rest(place: Place, error: unknown): void;
  /** Something has fired there: it will be waited for again. */
  forget(workspaceId: string): void;
};

/** Longer than PostgreSQL lets a stopped scheduler hold it. */
const BUSY_MS = 6_000;
/** Of one whose log was found held by a look alone: whoever holds it may be quick. */
const HELD_MS = 1_000;
/** As long as PostgreSQL lets anybody hold what they do nothing with. */
const SUSPECT_MS = 30_000;

/** `onBusy` is told of each wait in vain, not of the rests without one. */
export function createBusyWorkspaces(
  onBusy: (error: unknown, scheduleId: string) => void,
  monotonic?: () => number,
): BusyWorkspaces {
  const [resting, suspects] = [createPostponements(monotonic), createPostponements(monotonic)];
  return {
    has: resting.has,
    isWorthAsking(places) {
      const ids = workspacesOf(places);
      return ids.length > 1 || ids.some(suspects.has);
    },
    async ask(tx, places) {
      const held = await findHeldHeads(tx, workspacesOf(places));
      for (const id of held) if (suspects.has(id)) resting.add(id, HELD_MS);
      return held;
    },
    rest({ id, workspaceId }, error) {
      if (resting.has(workspaceId)) return;
      resting.add(workspaceId, BUSY_MS);
      suspects.add(workspaceId, SUSPECT_MS);
      onBusy(error, id);
    },
    forget: suspects.end,
  };
}

function workspacesOf(places: readonly Place[]): string[] {
  return [...new Set(places.map(({ workspaceId }) => workspaceId))];
}
