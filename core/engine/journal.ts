// The execution's recorder: numbers what happens, buffers it, and makes it durable in order.
import { AppError } from "#core/domain/app-error.ts";
import type { ClaimedExecution, ExecutionMove, StepRecord } from "#core/domain/journal.ts";
import type { RunStore } from "./run-store.ts";

/** How long a finished pure step may wait for company before it is written, in milliseconds. */
const LINGER_MS = 200;
/** Payload the buffer may hold before it is written at once; twice that, and nodes wait before they start. */
const FULL_BYTES = 4_194_304;

export type Journal = {
  /** Earlier attempts of a node in an iteration, oldest first. */
  attempts(nodeId: string, iteration: string): readonly StepRecord[];
  /** Milliseconds since the epoch on the database clock. */
  now(): string;
  /** Takes a record down; it is written with the next commit, at the latest after 200 ms. */
  note(record: Omit<StepRecord, "seq">): void;
  /** So much is noted and not yet committed that nothing new should start before a flush. */
  isFull(): boolean;
  /** Resolves when all that was noted is committed. An effect must wait for this. */
  flush(): Promise<void>;
  /** Writes the rest together with the execution's move, in one commit. */
  close(move: ExecutionMove): Promise<void>;
};

export type JournalOptions = {
  store: RunStore;
  execution: ClaimedExecution;
  /** Steps written by earlier claims. */
  history: readonly StepRecord[];
  /** The highest `seq` there is, where `history` leaves steps out. */
  lastSeq?: number | undefined;
  /** Aborted with `lease_lost`, it ends all writing. */
  signal: AbortSignal;
  onLost(reason: AppError): void;
};

export function createJournal(options: JournalOptions): Journal {
  const { store, execution, history, lastSeq = 0, signal, onLost } = options;
  const started = performance.now();
  const claimedAt = Date.parse(execution.claimedAt);
  const past = new Map<string, StepRecord[]>();
  for (const record of history) {
    const key = keyOf(record.nodeId, record.iteration);
    const known = past.get(key);
    if (known) known.push(record);
    else past.set(key, [record]);
  }
  let seq = history.reduce((highest, record) => Math.max(highest, record.seq), lastSeq);
  // Keyed by attempt: a start and an end that meet in the buffer are one row.
  let buffer = new Map<string, StepRecord>();
  let bufferedBytes = 0;
  let unwrittenBytes = 0;
  let tail: Promise<void> = Promise.resolve();
  let waitingFlush: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let [shownMs, shown] = [Number.NaN, ""];

  const writeBuffer = async (move?: ExecutionMove) => {
    clearTimeout(timer);
    timer = undefined;
    const steps = [...buffer.values()];
    const bytes = bufferedBytes;
    buffer = new Map();
    bufferedBytes = 0;
    if (steps.length === 0 && !move) return;
    if (isLost(signal)) throw signal.reason;
    const write = { executionId: execution.id, fence: execution.fence, steps, bytes };
    await store.write(move ? { ...write, move, parentId: execution.parentId } : write);
    unwrittenBytes -= bytes;
  };
  // One write of an execution at a time, so that commits keep the order in which things happened.
  const enqueue = (move?: ExecutionMove): Promise<void> => {
    tail = tail.then(() => writeBuffer(move));
    tail.catch((error: unknown) => onLost(asLost(error)));
    return tail;
  };

  const flush = () => {
    // Whoever asks while a write is under way joins the next one.
    waitingFlush ??= tail
      .then(() => {
        waitingFlush = null;
      })
      .then(() => enqueue());
    return waitingFlush;
  };

  return {
    attempts: (nodeId, iteration) => past.get(keyOf(nodeId, iteration)) ?? [],
    now() {
      const ms = Math.trunc(claimedAt + (performance.now() - started));
      // Asked for several times a node, and many nodes end within a millisecond.
      if (ms !== shownMs) [shownMs, shown] = [ms, new Date(ms).toISOString()];
      return shown;
    },
    note(record) {
      buffer.set(`${keyOf(record.nodeId, record.iteration)}\n${record.attempt}`, { ...record, seq: ++seq });
      const bytes = bytesOf(record.input) + bytesOf(record.output) + bytesOf(record.child?.input ?? null);
      bufferedBytes += bytes;
      unwrittenBytes += bytes;
      if (bufferedBytes >= FULL_BYTES) flush().catch(() => {});
      timer ??= setTimeout(() => flush().catch(() => {}), LINGER_MS);
    },
    isFull: () => unwrittenBytes >= 2 * FULL_BYTES,
    flush,
    close: (move) => enqueue(move),
  };
}

function keyOf(nodeId: string, iteration: string): string {
  return `${nodeId}\n${iteration}`;
}

function bytesOf(payload: unknown): number {
  return payload === null ? 0 : (JSON.stringify(payload)?.length ?? 0);
}

function isLost({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof AppError && reason.code === "lease_lost";
}

function asLost(error: unknown): AppError {
  return error instanceof AppError
    ? error
    : new AppError("journal_failed", "The journal could not be written", { cause: error });
}
