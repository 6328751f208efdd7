// Whether bells may hang in the queues that this worker has left hanging for want of a slot: who comes past the queue would
// overtake them.

export type BehindQueues = {
  /** What a look at the queue (of busy workspaces) has found. */
  onBehind(ofBusy: boolean, isBehind: boolean): void;
  /** Of the queue of busy workspaces only they wait behind. */
  isBehind(ofBusy: boolean): boolean;
};

export function createBehindQueues(): BehindQueues {
  const behind = new Set<boolean>();
  return {
    onBehind(ofBusy, isBehind) {
      if (isBehind) behind.add(ofBusy);
      else behind.delete(ofBusy);
    },
    isBehind: (ofBusy) => behind.has(false) || (ofBusy && behind.has(true)),
  };
}
