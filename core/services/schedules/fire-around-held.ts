// Fires many schedules while somebody may hold the log of a workspace: the others fire first, and nobody is waited for twice.
import { isDatabaseAway, isInOthersHands } from "../../persistence/translate-error.ts";
import { runByHalves } from "./run-by-halves.ts";

/** `isAsking`: those whose logs are in other hands at this moment are left out. */
export type Attempt = { isAsking: boolean; patienceMs: number };

export type FireAroundHeld<Item> = {
  /** In one transaction. Resolves to those that were left out. */
  fire(items: readonly Item[], attempt: Attempt): Promise<readonly Item[]>;
  workspaceOf(item: Item): string;
  isWorthAsking(items: readonly Item[]): boolean;
  /** Told of the one that fails alone, and of one of a workspace that was waited for in vain. */
  onBad(item: Item, error: unknown): Promise<void>;
};

/** For what others hold: long enough for a slow commit. */
const PATIENCE_MS = 2_000;
/** After the first wait in vain, for each further one; and for several at once, so that none of them waits long with the others. */
const IMPATIENCE_MS = 100;

/** Throws `database_unavailable`. */
export async function fireAroundHeld<Item>(
  items: readonly Item[],
  { fire, workspaceOf, isWorthAsking, onBad }: FireAroundHeld<Item>,
): Promise<void> {
  const held: Item[] = [];
  const options = { isShared: isDatabaseAway, onBad };
  let hasWaited = false;
  const patience = () => (hasWaited ? IMPATIENCE_MS : PATIENCE_MS);
  const fireFree = async (some: readonly Item[]) => {
    const isAsking = hasWaited || isWorthAsking(some);
    try {
      held.push(...(await fire(some, { isAsking, patienceMs: patience() })));
    } catch (error) {
      hasWaited ||= isInOthersHands(error);
      throw error;
    }
  };
  const fireHeld = async (some: readonly Item[]) => {
    try {
      await fire(some, { isAsking: false, patienceMs: patience() });
    } catch (error) {
      const [first] = some;
      if (first === undefined || !isInOthersHands(error)) throw error;
      hasWaited = true;
      await onBad(first, error);
    }
  };
  await runByHalves(items, fireFree, options);
  const groups = [...Map.groupBy(held, workspaceOf).values()];
  const fireTogether = () => fire(held, { isAsking: false, patienceMs: IMPATIENCE_MS });
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
