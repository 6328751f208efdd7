// Transactions in which slots fire, and what follows each: the bells, the figures, and rest for what could not fire.
import { createId } from "../../crypto/new-id.ts";
import { AppError } from "../../domain/app-error.ts";
import { crashPoint } from "../../domain/crash-points.ts";
import { type Database, type Executor, NOBODY } from "../../persistence/database.ts";
import { boundTransaction } from "../../persistence/schedules/hold-schedules.ts";
import { explainStuck } from "../../persistence/schedules/write-fires.ts";
import { isInOthersHands, isStatementTimeout } from "../../persistence/translate-error.ts";
import type { ExecutionQueue } from "../../queue/execution-queue.ts";
import { FULL_MS } from "../executions/find-rooms.ts";
import type { BacklogGuard } from "../executions/guard-backlogs.ts";
import { createBusyWorkspaces, type Place } from "./busy-workspaces.ts";
import { type Attempt, fireAroundHeld } from "./fire-around-held.ts";
import type { FiredSlots } from "./fire-slots.ts";
import { createPostponements } from "./postponements.ts";

export type FiringDependencies = {
  database: Database;
  queue: ExecutionQueue;
  backlogs: BacklogGuard;
  onRingFailed: (error: unknown) => void;
  /** It stays due and is tried again 30 s later; its neighbours fire. */
  onStuck: (error: unknown, scheduleId: string) => void;
  /** After each commit; `now` by the database's clock, in ms since the epoch; null: of slots that had waited. */
  onFired: (fired: FiredSlots, now: number | null) => void;
  /** In ms, never goes back: what rests does so by it. */
  monotonic?: (() => number) | undefined;
};

/** What fires of these schedules, in one transaction. */
type FireWork<Item> = (tx: Executor, items: readonly Item[], backlogs: BacklogGuard) => Promise<FiredSlots>;
/** `due`: its slot, as the database reads it; null where its history says enough. */
type Named = Place & { due: string | null };

export type FireCommitter = {
  /**
   * In one transaction, or in more of them when one of the schedules fails or others hold the log of its workspace. Resolves to the next slots of what was dealt
   * with. Throws `database_unavailable`.
   */
  commit<Item>(
    items: readonly Item[],
    work: FireWork<Item>,
    options: { nameOf(item: Item): Named; clock: (() => number) | null },
  ): Promise<number[]>;
  /** Lets the others fire without it for 30 s; its history and the log say why. */
  giveUp(schedule: Named, reason: string, error: unknown): Promise<void>;
  isPostponed(schedule: Place): boolean;
  /** The same one, that tells after each transaction that it goes on. */
  with(onProgress: () => void): FireCommitter;
};

const STUCK_MS = 30_000;
/** One that took too long alone gets little time for as long. */
const SLOW_MS = 600_000;

export function createFireCommitter(dependencies: FiringDependencies): FireCommitter {
  const { database, queue, backlogs, onRingFailed, onStuck, onFired, monotonic } = dependencies;
  const [postponed, slow] = [createPostponements(monotonic), createPostponements(monotonic)];
  const busy = createBusyWorkspaces(onStuck, monotonic);
  const isPostponed = ({ id, workspaceId }: Place) =>
    postponed.has(id) || postponed.has(workspaceId) || busy.has(workspaceId);
  const giveUp = async ({ id: scheduleId, due }: Named, reason: string, error: unknown) => {
    postponed.add(scheduleId, STUCK_MS);
    onStuck(error, scheduleId);
    if (due !== null) await explainStuck(database, { id: createId(), scheduleId, first: due, reason });
  };
  const dealWith = async (schedule: Named, error: unknown) => {
    // An owner who lost their right meanwhile is seen by the next look.
    if (isConflict(error)) return;
    // Not for longer each time: a short try that fails says nothing of what a long one would do.
    if (isStatementTimeout(error) && !slow.has(schedule.id)) slow.add(schedule.id, SLOW_MS);
    if (isInOthersHands(error)) busy.rest(schedule, error);
    else await giveUp(schedule, "failed", error);
  };
  const create = (onProgress: () => void): FireCommitter => ({
    async commit(items, work, { nameOf, clock }) {
      const next: number[] = [];
      const fire = async (some: typeof items, { isAsking, ...bounds }: Attempt) => {
        const left = some.filter((item) => !isPostponed(nameOf(item)));
        if (left.length === 0) return [];
        const { held, fired } = await database.transaction(NOBODY, async (tx) => {
          const bound = boundTransaction(tx, bounds);
          const asked = isAsking ? busy.ask(tx, left.map(nameOf)) : new Set<string>();
          const [isHeld] = await Promise.all([asked, bound]);
          const free = left.filter((item) => !isHeld.has(nameOf(item).workspaceId));
          return { held: isHeld, fired: free.length > 0 ? await work(tx, free, backlogs) : null };
        });
        crashPoint("scheduler.after_fire_commit");
        if (fired) {
          // Not awaited: the rows are the outbox, a queue that is down must not hold up the clock.
          queue.ring(fired.rings).catch(onRingFailed);
          backlogs.note(fired.started.map(({ workspaceId }) => ({ workspaceId, made: true })));
          for (const id of fired.full) postponed.add(id, FULL_MS);
          for (const { workspaceId } of fired.started) busy.forget(workspaceId);
          onFired(fired, clock?.() ?? null);
          for (const instant of fired.next) next.push(instant);
          onProgress();
        }
        return left.filter((item) => held.has(nameOf(item).workspaceId));
      };
      await fireAroundHeld(items, {
        fire,
        workspaceOf: (item) => nameOf(item).workspaceId,
        isWorthAsking: (some) => busy.isWorthAsking(some.map(nameOf)),
        isSlow: (item) => slow.has(nameOf(item).id) && !isPostponed(nameOf(item)),
        async onBad(item, error) {
          await dealWith(nameOf(item), error);
          onProgress();
        },
      });
      return next;
    },
    giveUp,
    isPostponed,
    with: create,
  });
  return create(() => {});
}

function isConflict(error: unknown): boolean {
  return error instanceof AppError && error.code === "conflict";
}
