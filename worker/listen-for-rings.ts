// Listens to the doorbell, and notices when nothing comes through it although work waits.
import { isBusy } from "#core/domain/bands.ts";
import type { BellConsumer, BellConsumerOptions } from "#core/queue/bell-consumer.ts";
import { openBellLine } from "./bell-line.ts";
import { type ClaimWatchOptions, startClaimWatch } from "./watch-claims.ts";

export type RingListener = BellConsumer & {
  /** False while executions wait, there is room for them, and no ring comes. */
  isClaiming(): boolean;
};

export type RingListenerOptions = Omit<ClaimWatchOptions, "rebuild" | "hasBacklog" | "hasRoom"> & {
  handle: BellConsumerOptions["handle"];
  /** New connections to the queues that hand their rings to `handle`. */
  open: (handle: RingListenerOptions["handle"]) => Promise<BellConsumer>;
  /** As a watch asks for them, of executions of busy workspaces or of the others: each has a queue of its own. */
  hasBacklog(ofBusy: boolean): Promise<boolean>;
  hasRoom(ofBusy: boolean): boolean;
  onError: (error: Error) => void;
};

/** One of the two queues may be dead while bells of the other keep coming, so each is watched by itself. */
export async function listenForRings(options: RingListenerOptions): Promise<RingListener> {
  const hear = { ofBusy: () => {}, ofOthers: () => {} };
  const handle: RingListenerOptions["handle"] = (executionIds, band) => {
    if (isBusy({ band })) hear.ofBusy();
    else hear.ofOthers();
    options.handle(executionIds, band);
  };
  const line = await openBellLine(() => options.open(handle), options.onError);
  const watch = (ofBusy: boolean) =>
    startClaimWatch({
      ...options,
      hasBacklog: () => options.hasBacklog(ofBusy),
      hasRoom: () => options.hasRoom(ofBusy),
      rebuild: line.rebuild,
    });
  const [busy, others] = [watch(true), watch(false)];
  hear.ofBusy = busy.heard;
  hear.ofOthers = others.heard;
  return {
    isClaiming: () => busy.isClaiming() && others.isClaiming(),
    async stop() {
      busy.stop();
      others.stop();
      await line.stop();
    },
  };
}
