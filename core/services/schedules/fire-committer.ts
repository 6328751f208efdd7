// Transactions in which slots fire, and what follows each: the bells, the figures, and rest for what could not fire.
import { createId } from "../../crypto/new-id.ts";
import { AppError } from "../../domain/app-error.ts";
import { crashPoint } from "../../domain/crash-points.ts";
import { type Database, type Executor, NOBODY } from "../../persistence/database.ts";
import { boundTransaction } from "../../persistence/schedules/hold-schedules.ts";
import { explainStuck } from "../../persistence/schedules/write-fires.ts";
import { isDatabaseAway, isInOthersHands } from "../../persistence/translate-error.ts";
import type { ExecutionQueue } from "../../queue/execution-queue.ts";
import { FULL_MS } from "../executions/find-rooms.ts";
import type { BacklogGuard } from "../executions/guard-backlogs.ts";
import type { FiredSlots } from "./fire-slots.ts";
import { createPostponements } from "./postponements.ts";
import { runByHalves } from "./run-by-halves.ts";

export type FiringDependencies = {
  database: Database;
  queue: ExecutionQueue;
  backlogs: BacklogGuard;
  onRingFailed: (error: unknown) => void;
  /** It stays due and is tried again 30 s later; its neighbours fire. */
  onStuck: (error: unknown, scheduleId: string) => void;
  /** After each commit; `now` by the database's clock, in ms since the epoch; null: of slots that had waited. */
  onFired: (fired: FiredSlots, now: number | null) => void;
};

/** What fires of these schedules, in one transaction. */
type FireWork<Item> = (tx: Executor, items: readonly Item[], backlogs: BacklogGuard) => Promise<FiredSlots>;
type Place = { id: string; workspaceId: string };
/** `due`: its slot, as the database reads it; null where its history says enough. */
type Named = Place & { due: string | null };

export type FireCommitter = {
  /**
   * In one transaction, or in more of them when one of the schedules fails. Resolves to the next slots of what was dealt
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
/** Of a workspace in which somebody holds what firing needs: longer than PostgreSQL lets a stopped scheduler hold it. */
const BUSY_MS = 6_000;

export function createFireCommitter(dependencies: FiringDependencies): FireCommitter {
  const { database, queue, backlogs, onRingFailed, onStuck, onFired } = dependencies;
  const postponed = createPostponements();
  const isPostponed = ({ id, workspaceId }: Place) => postponed.has(id) || postponed.has(workspaceId);
  const giveUp = async ({ id: scheduleId, due }: Named, reason: string, error: unknown) => {
    postponed.add(scheduleId, STUCK_MS);
    onStuck(error, scheduleId);
    if (due !== null) await explainStuck(database, { id: createId(), scheduleId, first: due, reason });
  };
  const dealWith = async (schedule: Named, error: unknown) => {
    // An owner who lost their right meanwhile is seen by the next look.
    if (isConflict(error)) return;
    if (!isInOthersHands(error)) return giveUp(schedule, "failed", error);
    postponed.add(schedule.workspaceId, BUSY_MS);
    onStuck(error, schedule.id);
  };
  const create = (onProgress: () => void): FireCommitter => ({
    async commit(items, work, { nameOf, clock }) {
      const next: number[] = [];
      const commitSome = async (some: typeof items) => {
        const left = some.filter((item) => !isPostponed(nameOf(item)));
        if (left.length === 0) return;
        const fired = await database.transaction(NOBODY, async (tx) => {
          await boundTransaction(tx);
          return work(tx, left, backlogs);
        });
        crashPoint("scheduler.after_fire_commit");
        // Not awaited: the rows are the outbox, a queue that is down must not hold up the clock.
        queue.ring(fired.rings).catch(onRingFailed);
        backlogs.note(fired.started.map(({ workspaceId }) => ({ workspaceId, made: true })));
        for (const id of fired.full) postponed.add(id, FULL_MS);
        onFired(fired, clock?.() ?? null);
        for (const instant of fired.next) next.push(instant);
        onProgress();
      };
      await runByHalves(items, commitSome, {
        isShared: isDatabaseAway,
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
