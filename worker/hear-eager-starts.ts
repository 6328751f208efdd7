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
  answer: (executionId: string) => Promise<void>;
  onError: (error: unknown) => void;
};

/**
 * Who finds no slot free is left to the bell that follows. A slot that has just become free and that nobody in this process
 * waits for is taken: one rung for in the queue, of whatever priority, may then come a slot later.
 */
export function hearEagerStarts(options: EagerStartOptions): Promise<ListenConnection> {
  const { database, workerId, slots, answer, onError } = options;
  const hear = (payload: string) => {
    const { executionId, band } = readEagerStart(payload);
    if (!slots.hasRoom(isBusy({ band }))) return;
    slots.run(() => answer(executionId), band).catch(onError);
  };
  return openListenConnection(database, {
    channels: { [eagerChannel(workerId)]: hear },
    onGap() {},
    onError,
  });
}
