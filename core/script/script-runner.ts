// The one way from a script's source to its result: a pool of processes, with a second clock outside of them.

import { availableParallelism } from "node:os";
import { AppError } from "#core/domain/app-error.ts";
import { MAX_OUTPUT_BYTES } from "#core/domain/execution.ts";
import type { ScriptPort } from "#core/domain/node.ts";
import { createProcessPool, type PoolFaults } from "#core/sandbox/process-pool.ts";
import { limitReply } from "./script-errors.ts";
import type { ScriptFault, ScriptJob, ScriptReply } from "./script-job.ts";

export type ScriptRunnerOptions = {
  /** Processes at most; started when first needed. One key has all but one of them. Default cores + 1, 3 to 5. */
  readonly poolSize?: number;
};

export type ScriptRunner = ScriptPort & {
  /**
   * What keeps each source from being read as the body of an async function, null for nothing. Runs none of them.
   * Rejects with `script_limit` when that takes more than 2 s, else as `run`.
   */
  check(sources: readonly string[], key?: string): Promise<readonly (ScriptFault | null)[]>;
  /** Ends the processes; what still waits is rejected as `script_busy`. */
  close(): Promise<void>;
};

/** Beyond the script's own time: what it takes to start an engine and to send the answer on a loaded machine. */
const GRACE_MS = 500;
const CHECK_TIMEOUT_MS = 2_000;
const MAX_DATA_LENGTH = 8 * 1024 * 1024;

/** Starts nothing yet. */
export function createScriptRunner(options: ScriptRunnerOptions = {}): ScriptRunner {
  const pool = createProcessPool<ScriptJob, ScriptReply>({
    program: { entry: new URL("./script-process.ts", import.meta.url), mark: "script", maxOldSpaceMb: 64 },
    size: options.poolSize ?? Math.min(5, Math.max(3, availableParallelism() + 1)),
    timeoutMs: (job) => job.timeoutMs + GRACE_MS,
    maxQueued: 10_000,
    maxQueuedPerKey: 2_500,
    maxWaitMs: 60_000,
    faults: FAULTS,
    isSpent: (reply) => reply.spent,
  });
  return {
    async run({ source, data, seed, timeoutMs, key, signal }) {
      const text = JSON.stringify(data);
      if (text.length > MAX_DATA_LENGTH) throw toError(limitReply("data"));
      const reply = await pool.run(
        {
          kind: "run",
          source,
          key,
          data: text,
          startedAt: Date.parse(data.execution.startedAt),
          seed: `${data.execution.id}\n${seed}`,
          timeoutMs,
          maxOutputBytes: MAX_OUTPUT_BYTES,
        },
        { key, signal },
      );
      if (reply.kind !== "value") throw toError(reply);
      return JSON.parse(reply.json);
    },
    async check(sources, key = "") {
      const reply = await pool.run({ kind: "check", sources, timeoutMs: CHECK_TIMEOUT_MS }, { key });
      if (reply.kind !== "faults") throw toError(reply);
      return reply.faults;
    },
    close: pool.close,
  };
}

function toError(reply: ScriptReply): AppError {
  if (reply.kind !== "error") return new AppError("script_failed", "The script's process gave an odd answer");
  return new AppError(reply.code, reply.message, { details: reply.details });
}

const retryable = (code: string, message: string) => new AppError(code, message, { retryable: true });

const FAULTS: PoolFaults = {
  busy: (message) => retryable("script_busy", `The script cannot run now: ${message}`),
  time: () => toError(limitReply("time")),
  memory: () => toError(limitReply("memory")),
  lost: () => retryable("script_interrupted", "The script's process was ended from outside"),
  unavailable: () => retryable("script_unavailable", "No process for scripts starts"),
  unsendable: () => new AppError("script_failed", "The data that the script reads is not plain JSON"),
};
