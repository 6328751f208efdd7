// Fires many schedules while somebody may hold the log of a workspace, or one of them takes too long: nobody is waited for twice.
import type { Bounds } from "../../persistence/schedules/hold-schedules.ts";
import { isDatabaseAway, isInOthersHands, isStatementTimeout } from "../../persistence/translate-error.ts";
import { runByHalves } from "./run-by-halves.ts";

/** `isAsking`: those whose logs are in other hands at this moment are left out. */
export type Attempt = Bounds & { isAsking: boolean };

export type FireAroundHeld<Item> = {
  /** In one transaction. Resolves to those that were left out. */
  fire(items: readonly Item[], attempt: Attempt): Promise<readonly Item[]>;
  workspaceOf(item: Item): string;
  isWorthAsking(items: readonly Item[]): boolean;
  /** One that took too long alone, lately: with it nothing is waited for long. */
  isSlow(item: Item): boolean;
  /** Told of the one that fails alone, and of one of a workspace that was waited for in vain. */
  onBad(item: Item, error: unknown): Promise<void>;
};

/** For what others hold: long enough for a slow commit. */
const PATIENCE_MS = 2_000;
/** After the first wait in vain, for each further one; and for several at once, so that none of them waits long with the others. */
const IMPATIENCE_MS = 100;
/** For a statement: a busy server may need so long for the slots of 200 schedules. */
const LONGEST_MS = 10_000;
/** After the first that took too long, which is tried again by halves: enough for a schedule, and to wait as long for others. */
const SHORT_MS = 500;

/** Throws `database_unavailable`. */
export async function fireAroundHeld<Item>(
  items: readonly Item[],
  { fire, workspaceOf, isWorthAsking, isSlow, onBad }: FireAroundHeld<Item>,
): Promise<void> {
  const held: Item[] = [];
  const options = { isShared: isDatabaseAway, onBad };
  let [hasWaited, isShort] = [false, false];
  // Less than for a statement: what others hold must not look like one that takes too long.
  const bounds = (patienceMs = hasWaited || isShort ? IMPATIENCE_MS : PATIENCE_MS): Bounds => ({
    patienceMs,
    statementMs: isShort ? SHORT_MS : LONGEST_MS,
  });
  const fireFree = async (some: readonly Item[]) => {
    const isAsking = hasWaited || isWorthAsking(some);
    try {
      held.push(...(await fire(some, { isAsking, ...bounds() })));
    } catch (error) {
      hasWaited ||= isInOthersHands(error);
      isShort ||= isStatementTimeout(error);
      throw error;
    }
  };
  const fireHeld = async (some: readonly Item[]) => {
    try {
      await fire(some, { isAsking: false, ...bounds() });
    } catch (error) {
      isShort ||= isStatementTimeout(error);
      const [first] = some;
      if (first === undefined || !isInOthersHands(error)) throw error;
      hasWaited = true;
      await onBad(first, error);
    }
  };
  const { slow = [], usual = [] } = Object.groupBy(items, (item) => (isSlow(item) ? "slow" : "usual"));
  await runByHalves(usual, fireFree, options);
  const wasShort = isShort;
  // Each alone, after the others and briefly: it takes none of them with it.
  isShort = true;
  for (const item of slow) await runByHalves([item], fireFree, options);
  isShort = wasShort || held.some(isSlow);
  const groups = [...Map.groupBy(held, workspaceOf).values()];
  const fireTogether = () => fire(held, { isAsking: false, ...bounds(IMPATIENCE_MS) });
  // Most are free again in a moment.
  if (groups.length > 1 && (await isDone(fireTogether()))) return;
  for (const group of groups) await runByHalves(group, fireHeld, options);
}

function isDone(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    (error) => {
      if (isDatabaseAway(error)) throw error;
      return false;
    },
  );
}
