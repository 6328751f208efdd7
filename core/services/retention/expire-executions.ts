// Takes away what has outlived its workspace's days, in small transactions: stopped or killed anywhere, the next pass
// goes on, and the audit log hears of every row once.

import { collectFailures } from "../../domain/collect-failures.ts";
import { timeOfId } from "../../domain/uuid.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { type Database, NOBODY } from "../../persistence/database.ts";
import {
  expireBatch,
  listRetentionSums,
  listRetentionTasks,
  type RetentionPart,
  type RetentionTask,
  takeRetentionSum,
} from "../../persistence/retention/expired-executions.ts";

/** 250 executions of four steps are some 50 ms of work and locks; see docs/retention.md. */
const BATCH = 250;
/** Batches of one workspace before the next one's turn. */
const TURN = 200;

const ACTIONS: Readonly<Record<RetentionPart, string>> = {
  executions: "execution.expired",
  payloads: "execution.payload_expired",
};

export type ExpireOptions = {
  signal?: AbortSignal;
  batch?: number;
  /** Between two batches, in milliseconds for each millisecond of work: how much is left to those who work. */
  restFactor?: number;
};

export type Expired = { executions: number; payloads: number; steps: number };

/**
 * One pass over all workspaces. Any number of schedulers may. Returns what went. A workspace that fails is left to the next
 * pass and holds up no other: throws at the end, when all others have had their turns and what went is told.
 */
export async function expireExecutions(database: Database, options: ExpireOptions = {}): Promise<Expired> {
  const { signal } = options;
  const expired: Expired = { executions: 0, payloads: 0, steps: 0 };
  const places = new Map<RetentionTask, string | null>();
  for (const task of await listRetentionTasks(database)) places.set(task, null);
  const failures = collectFailures();
  while (places.size > 0 && !signal?.aborted) {
    for (const [task, after] of places) {
      const turn = () => takeTurn(database, task, { ...options, after, expired });
      const place = await failures.attempt(nameOf(task), turn, null);
      if (place === null) places.delete(task);
      else places.set(task, place);
    }
  }
  const sums = await failures.attempt("sums", () => listRetentionSums(database), []);
  for (const task of sums)
    await failures.attempt(`sum of ${nameOf(task)}`, () => tellSum(database, task), undefined);
  failures.throwIfAny();
  return expired;
}

const nameOf = ({ part, workspaceId }: RetentionTask) => `${part} of ${workspaceId}`;

/** Where to go on; null at the end. */
async function takeTurn(
  database: Database,
  task: RetentionTask,
  {
    after,
    expired,
    signal,
    batch = BATCH,
    restFactor = 1,
  }: ExpireOptions & { after: string | null; expired: Expired },
): Promise<string | null> {
  let place = after;
  for (let turn = 0; turn < TURN && !signal?.aborted; turn += 1) {
    const startedAt = performance.now();
    const taken = await database.transaction(NOBODY, (tx) =>
      expireBatch(tx, task, { after: place, limit: batch }),
    );
    expired[task.part] += taken.executions;
    expired.steps += taken.steps;
    place = taken.place;
    if (taken.state !== "more") return null;
    await rest((performance.now() - startedAt) * restFactor, signal);
  }
  return place;
}

async function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}

/** One entry for all that went since the last one. */
function tellSum(database: Database, task: RetentionTask): Promise<void> {
  return database.transaction(NOBODY, async (tx) => {
    const sum = await takeRetentionSum(tx, task);
    if (!sum) return;
    const { workspaceId, part, executions, steps, firstId, lastId } = sum;
    const range = { from: firstId && timeOfId(firstId), to: lastId && timeOfId(lastId) };
    await appendAudit(tx, [
      {
        chainId: workspaceId,
        actorId: null,
        action: ACTIONS[part],
        targetType: "workspace",
        targetId: workspaceId,
        details: { executions, steps, firstId, lastId, ...range },
      },
    ]);
  });
}
