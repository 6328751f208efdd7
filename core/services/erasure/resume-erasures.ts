// Finishes the erasures of people that nobody is at work on: whoever was asked has died, or ran out of time.
import { type Database, NOBODY } from "../../persistence/database.ts";
import {
  listPendingErasures,
  noteErasureFailure,
  type PendingErasure,
} from "../../persistence/erasure/erasure-steps.ts";
import { stepErasure } from "./finish-erasure.ts";

/** Steps of one erasure before the next one's turn. */
const STEPS = 200;

export type ResumeOptions = { batch?: number; signal?: AbortSignal };

export type ResumedErasures = {
  /** Before the pass, at most 100. */
  pending: PendingErasure[];
  finished: PendingErasure[];
  failed: { erasure: PendingErasure; error: unknown }[];
};

/** One pass over all that are due. One that fails is put off, and does not hold up the others. */
export async function resumeErasures(
  database: Database,
  { batch, signal }: ResumeOptions = {},
): Promise<ResumedErasures> {
  const pending = await listPendingErasures(database);
  const resumed: ResumedErasures = { pending, finished: [], failed: [] };
  for (const erasure of pending) {
    if (!erasure.due) continue;
    try {
      if (await takeTurn(database, erasure.id, { batch, signal })) resumed.finished.push(erasure);
    } catch (error) {
      resumed.failed.push({ erasure, error });
      await noteErasureFailure(database, erasure.id);
    }
  }
  return resumed;
}

type Turn = { batch: number | undefined; signal: AbortSignal | undefined };

/** True when it has come to its end here. */
async function takeTurn(database: Database, id: string, { batch, signal }: Turn): Promise<boolean> {
  for (let steps = 0; steps < STEPS && !signal?.aborted; steps += 1) {
    const { step } = await stepErasure(database, NOBODY, id, batch === undefined ? {} : { batch });
    if (step === "done") return true;
    if (step !== "read" && step !== "sealed") return false;
  }
  return false;
}
