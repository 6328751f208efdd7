// The platform's timers for Prometheus, read from the database at each scrape: right after a restart, and true for what
// another scheduler did. Every scheduler tells the same, so look at max() over them.
import { Counter, Gauge, type Registry } from "prom-client";
import type { TimerState } from "#core/services/timers/list-timers.ts";

/** A scrape asks three times within milliseconds. */
const REUSE_MS = 1_000;

/** Without an answer nothing is told: better no figure than an old one. */
export function registerTimerMetrics(registry: Registry, list: () => Promise<TimerState[]>): void {
  const registers = [registry];
  const labelNames = ["timer"] as const;
  const read = reuse(list);
  new Gauge({
    name: "atelier_timer_last_success_timestamp_seconds",
    help: "When the timer last did its work, in whichever scheduler; absent before the first time",
    labelNames,
    registers,
    async collect() {
      this.reset();
      for (const { name, lastSuccessMs } of await read())
        if (lastSuccessMs !== null) this.set({ timer: name }, lastSuccessMs / 1_000);
    },
  });
  new Gauge({
    name: "atelier_timer_lag_seconds",
    help: "Since the first time after its last success at which the timer should have run; 0: nothing is late",
    labelNames,
    registers,
    async collect() {
      this.reset();
      for (const { name, lagSeconds } of await read()) this.set({ timer: name }, lagSeconds);
    },
  });
  new Counter({
    name: "atelier_timer_failures_total",
    help: "Runs of the timer that failed, of all schedulers since the instance began",
    labelNames,
    registers,
    async collect() {
      this.reset();
      for (const { name, failures } of await read()) this.inc({ timer: name }, failures);
    },
  });
}

function reuse(list: () => Promise<TimerState[]>): () => Promise<TimerState[]> {
  let asked: { at: number; answer: Promise<TimerState[]> } | undefined;
  return () => {
    if (asked === undefined || performance.now() - asked.at > REUSE_MS)
      asked = { at: performance.now(), answer: list().catch(() => []) };
    return asked.answer;
  };
}
