// How many executions run here at once, and whose turn it is. What came with a bell and finds no slot waits, not for long.
import { isBusy } from "#core/domain/bands.ts";
import { createPace, type Pace } from "./pace.ts";

export type Slots = {
  /** A slot is free and nobody waits for one. Executions of busy workspaces find less room while there are others. */
  hasRoom(ofBusy?: boolean): boolean;
  /** Resolves when there is such room: to true when there was none before. */
  awaitFree(ofBusy?: boolean): Promise<boolean>;
  /**
   * Runs `work` as soon as there is a slot, before what waits in a higher band. Resolves to false when it was not run:
   * it has waited for too long, or the worker stops.
   */
  run(work: () => Promise<void>, band?: number): Promise<boolean>;
  /** Until it is called with false nothing begins; what waits may find a slot elsewhere. */
  shut(isShut: boolean): void;
  /** Gives up what waits. */
  stop(): void;
};

export type SlotOptions = { patienceMs?: number; pace?: Pace };

/** Gives the slot back. */
type Leave = () => void;
type Waiting = { band: number; answer: (leave: Leave | null) => void };
type Awaiting = { ofBusy: boolean; resolve: () => void };

/**
 * What runs sooner stays: a worker that is busy with short ones takes the 15 others of a bell within 50 ms. What waits
 * longer may find a slot elsewhere.
 */
const PATIENCE_MS = 250;
/** While busy workspaces have slots there is one more for the others for each eight of `count`. */
const RESERVED = 1 / 8;

export function createSlots(count: number, options: SlotOptions = {}): Slots {
  const { patienceMs = PATIENCE_MS, pace = createPace() } = options;
  const reserve = Math.floor(count * RESERVED);
  const running = { all: 0, busy: 0 };
  let stopped = false;
  let isShut = false;
  const waiting: Waiting[] = [];
  let awaiting: Awaiting[] = [];

  const isFree = (ofBusy: boolean, band?: number) => {
    if (isShut) return false;
    if (ofBusy) return running.all < count && pace.allows(band);
    return running.all < count + Math.min(reserve, running.busy);
  };
  const hasRoom = (ofBusy = false) => isFree(ofBusy) && !waiting.some((one) => ofBusy || !isBusy(one));

  /** Who waits stands in the order of the bands: when the first finds no slot, nobody does. */
  const advance = () => {
    for (let [first] = waiting; first && isFree(isBusy(first), first.band); [first] = waiting) {
      waiting.shift();
      first.answer(enter(first.band));
    }
    const ready = awaiting.filter(({ ofBusy }) => hasRoom(ofBusy));
    awaiting = awaiting.filter((one) => !ready.includes(one));
    for (const { resolve } of ready) resolve();
  };

  const enter = (band: number): Leave => {
    const busy = isBusy({ band }) ? 1 : 0;
    running.all++;
    running.busy += busy;
    const end = pace.start(band, advance);
    return () => {
      end();
      running.all--;
      running.busy -= busy;
      advance();
    };
  };

  const admit = async (band: number): Promise<Leave | null> => {
    if (stopped) return null;
    const isBehind = waiting.some((other) => other.band <= band);
    if (!isBehind && isFree(isBusy({ band }), band)) return enter(band);
    return standIn(waiting, band, patienceMs, advance);
  };

  return {
    hasRoom,
    awaitFree: (ofBusy = false) =>
      hasRoom(ofBusy)
        ? Promise.resolve(false)
        : new Promise((resolve) => awaiting.push({ ofBusy, resolve: () => resolve(true) })),
    async run(work, band = 0) {
      pace.heard(band);
      const leave = await admit(band);
      if (!leave) return false;
      try {
        await work();
        return true;
      } finally {
        leave();
      }
    },
    shut(shut) {
      isShut = shut;
      advance();
    },
    stop() {
      stopped = true;
      for (const { answer } of waiting.splice(0)) answer(null);
    },
  };
}

/** Waits behind those of its band and lower ones; null: for too long, and `onLeft` is called. */
function standIn(
  waiting: Waiting[],
  band: number,
  patienceMs: number,
  onLeft: () => void,
): Promise<Leave | null> {
  return new Promise((resolve) => {
    const giveUp = () => {
      waiting.splice(waiting.indexOf(own), 1);
      resolve(null);
      onLeft();
    };
    const timer = setTimeout(giveUp, patienceMs);
    const own: Waiting = {
      band,
      answer(leave) {
        clearTimeout(timer);
        resolve(leave);
      },
    };
    const behind = waiting.findIndex((other) => other.band > band);
    waiting.splice(behind < 0 ? waiting.length : behind, 0, own);
  });
}
