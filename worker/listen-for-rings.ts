// Listens to the doorbell, and notices when nothing comes through it although work waits.
import type { BellConsumer, BellConsumerOptions } from "#core/queue/bell-consumer.ts";
import { openBellLine } from "./bell-line.ts";
import { type ClaimWatch, type ClaimWatchOptions, startClaimWatch } from "./watch-claims.ts";

export type RingListener = BellConsumer & {
  /** False while executions wait, there is room for them, and no ring comes. */
  isClaiming(): boolean;
};

export type RingListenerOptions = Omit<ClaimWatchOptions, "rebuild"> & {
  handle: BellConsumerOptions["handle"];
  /** New connections to the queue that hand their rings to `handle`. */
  open: (handle: RingListenerOptions["handle"]) => Promise<BellConsumer>;
  onError: (error: Error) => void;
};

export async function listenForRings(options: RingListenerOptions): Promise<RingListener> {
  let watch: ClaimWatch | undefined;
  const handle: RingListenerOptions["handle"] = (...bell) => {
    watch?.heard();
    options.handle(...bell);
  };
  const line = await openBellLine(() => options.open(handle), options.onError);
  const claims = startClaimWatch({ ...options, rebuild: line.rebuild });
  watch = claims;
  return {
    isClaiming: claims.isClaiming,
    async stop() {
      claims.stop();
      await line.stop();
    },
  };
}
