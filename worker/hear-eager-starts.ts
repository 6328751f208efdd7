// Executions that somebody waits for come by name from the commit that accepted them, past the queue.
import { isBusy } from "#core/domain/bands.ts";
import type { Database } from "#core/persistence/database.ts";
import { eagerChannel, readEagerStart } from "#core/persistence/executions/eager-starts.ts";
import { type ListenConnection, openListenConnection } from "#core/persistence/listen-connection.ts";
import type { Slots } from "./slots.ts";

export type EagerStartOptions = {
  database: Database;
  workerId: string;
  slots: Pick<Slots, "hasRoom" | "run">;
  /** Bells of earlier ones (of busy workspaces too) may hang in the queue for want of a slot here. */
  isBehind: (ofBusy: boolean) => boolean;
  answer: (executionId: string) => Promise<void>;
  onError: (error: unknown) => void;
};

/**
 * Who finds no slot free, or finds one that a bell may have hung for, is left to the bell that follows: what hangs in the
 * queue is not overtaken, whatever its priority. What is in another worker's hands may be, for the 250 ms it waits there.
 */
export function hearEagerStarts(options: EagerStartOptions): Promise<ListenConnection> {
  const { database, workerId, slots, isBehind, answer, onError } = options;
  const hear = (payload: string) => {
    const { executionId, band } = readEagerStart(payload);
    const ofBusy = isBusy({ band });
    if (!slots.hasRoom(ofBusy) || isBehind(ofBusy)) return;
    slots.run(() => answer(executionId), band).catch(onError);
  };
  return openListenConnection(database, {
    channels: { [eagerChannel(workerId)]: hear },
    onGap() {},
    onError,
  });
}
