// Slots that waited for their turn: one round over all schedules that have some.
import type { Database } from "../../persistence/database.ts";
import { findWaiting } from "../../persistence/schedules/pending-fires.ts";
import type { FireCommitter } from "./fire-committer.ts";
import { firePending } from "./fire-pending.ts";
import { splitChunks, weighReady } from "./split-chunks.ts";

export type TakeTurns = {
  database: Database;
  committer: FireCommitter;
  signal: AbortSignal;
  onProgress(): void;
};

const PAGE = 500;

export async function takeTurns({ database, committer, signal, onProgress }: TakeTurns): Promise<void> {
  for (let after: string | undefined, isMore = true; isMore && !signal.aborted; ) {
    const page = await findWaiting(database, { limit: PAGE, after });
    const ready = page.filter((one) => one.isReady).filter((one) => !committer.isPostponed(one));
    for await (const chunk of splitChunks(ready, weighReady)) {
      await committer.commit(chunk, firePending, {
        nameOf: ({ id, workspaceId }) => ({ id, workspaceId, due: null }),
        clock: null,
      });
    }
    isMore = page.length === PAGE;
    after = page.at(-1)?.id;
    onProgress();
  }
}
