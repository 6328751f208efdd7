// The main thread's side of lease keeping: says what is held, hears what was lost or cancelled.
import { Worker } from "node:worker_threads";
import type { Logger } from "#core/logger.ts";
import type { HeldLease, LeaseOrder, LeaseReport, LeaseThreadData } from "./lease-thread.ts";

/** A message of its own for each lease was a tenth of what an execution costs the worker. */
const DROP_MS = 50;
/**
 * A main thread that has said nothing for so long is wedged, and its worker would keep its leases for ever. F07 blocks one
 * for 20 s, which must cost nothing.
 */
const SILENCE_MS = 60_000;
const ALIVE_MS = 1_000;

export type LeaseKeeper = {
  /** At once, before anything runs: a node that blocks this thread cannot keep its lease from being kept. */
  hold(leases: readonly HeldLease[]): void;
  /** Soon. */
  drop(lease: HeldLease): void;
  stop(): Promise<void>;
};

export type LeaseKeeperOptions = {
  databaseUrl: string;
  workerId: string;
  logger: Logger;
  onLost(lease: HeldLease): void;
  onCancelled(executionId: string): void;
  /** The thread died: leases are no longer kept, so the process must end and be started again. */
  onDead(error: Error): void;
  /** So long the main thread may be blocked until the thread ends the process. */
  silenceMs?: number;
};

export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const thread = new Worker(new URL("./lease-thread.ts", import.meta.url), {
    workerData: {
      databaseUrl: options.databaseUrl,
      workerId: options.workerId,
      silenceMs: options.silenceMs ?? SILENCE_MS,
    } satisfies LeaseThreadData,
  });
  let stopping = false;
  const ended = new Promise<void>((resolve) => {
    thread.once("exit", () => {
      if (!stopping) options.onDead(new Error("The lease thread ended"));
      resolve();
    });
  });
  thread.on("error", options.onDead);
  thread.on("message", (report: LeaseReport) => {
    if (report.kind === "late") {
      options.logger.warn({ reason: report.message }, "leases could not be renewed, trying again");
      return;
    }
    for (const lease of report.lost) options.onLost(lease);
    for (const id of report.cancelled) options.onCancelled(id);
  });
  const send = (order: LeaseOrder) => thread.postMessage(order);
  const beat = setInterval(() => send({ kind: "alive" }), ALIVE_MS).unref();
  let dropped: HeldLease[] = [];
  const sendDropped = () => {
    send({ kind: "drop", leases: dropped });
    dropped = [];
  };
  return {
    hold: (leases) => {
      if (leases.length > 0) send({ kind: "hold", leases });
    },
    drop(lease) {
      if (dropped.length === 0) setTimeout(sendDropped, DROP_MS).unref();
      dropped.push(lease);
    },
    async stop() {
      stopping = true;
      clearInterval(beat);
      send({ kind: "stop" });
      await ended;
    },
  };
}
