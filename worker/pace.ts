// Leaves room on processors and disk: while executions of others come, those of a much busier workspace start a few at a time.
import { BUSY, isBusy } from "#core/domain/bands.ts";

export type Pace = {
  /** A bell has come. */
  heard(band: number): void;
  /** May one of this band start now? Undefined: one of the busy band that was heard last. */
  allows(band?: number): boolean;
  /** One of this band starts; `onOld` is called when it leaves room for the next one. Returns what its end must call. */
  start(band: number, onOld: () => void): () => void;
};

/**
 * With more at once the others wait for turns of processors, with fewer the group commits are small. An execution that
 * runs for longer mostly waits for something else, and counts no more.
 */
const FEW = 4;
const YOUNG_MS = 50;
/** So long after the last bell of a small workspace nobody is held back. */
const MEMORY_MS = 1_000;
/** Three bands are eight times as many submissions. */
const FAR = 3;

/** `now` in milliseconds, never going back. */
export type PaceOptions = { youngMs?: number; now?: () => number };

export function createPace({ youngMs = YOUNG_MS, now = () => performance.now() }: PaceOptions = {}): Pace {
  let lightest = { band: BUSY, until: 0 };
  let lastBusy = BUSY;
  let young = 0;

  const isHeldBack = (band: number) =>
    isBusy({ band }) && now() < lightest.until && band - BUSY >= lightest.band + FAR;

  return {
    heard(band) {
      if (isBusy({ band })) lastBusy = band;
      else if (band <= lightest.band || now() >= lightest.until)
        lightest = { band, until: now() + MEMORY_MS };
    },
    allows: (band = lastBusy) => young < FEW || !isHeldBack(band),
    start(band, onOld) {
      if (!isBusy({ band })) return () => {};
      young++;
      const grow = () => {
        clearTimeout(timer);
        if (isYoung) young--;
        isYoung = false;
      };
      let isYoung = true;
      const timer = setTimeout(() => {
        grow();
        onOld();
      }, youngMs);
      return grow;
    },
  };
}
