// What firing tells Prometheus: slots by what became of them, how late the punctual ones were, and what is overdue.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { FiredSlots } from "#core/services/schedules/fire-slots.ts";
import type { OverdueSchedules } from "#core/services/schedules/take-overdue.ts";

export type FiringMetrics = {
  /** After a commit; `now` in ms since the epoch, null: of slots that had waited for their turn. */
  fired(slots: FiredSlots, now: number | null): void;
  /** null: another scheduler counts. */
  overdue(schedules: OverdueSchedules | null): void;
};

const LATE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** A run of more slots than anybody counts counts as so many. */
const COUNTLESS = 2_001;

export function createFiringMetrics(registry: Registry): FiringMetrics {
  const registers = [registry];
  const fires = new Counter({
    name: "atelier_schedule_fires_total",
    help: "Slots of schedules by what became of them here: fired, queued (their turn comes when the one before has ended), skipped",
    labelNames: ["outcome"] as const,
    registers,
  });
  const skips = new Counter({
    name: "atelier_schedule_skips_total",
    help: "Slots that did not fire, by reason; a run of more than 2,000 counts as 2,001",
    labelNames: ["reason"] as const,
    registers,
  });
  const latency = new Histogram({
    name: "atelier_schedule_firing_latency_seconds",
    help: "From the instant of a slot to the commit of its execution, of those that fired within their schedule's tolerance",
    buckets: LATE_SECONDS,
    registers,
  });
  return {
    fired({ started, queued, skipped }, now) {
      if (started.length > 0) fires.inc({ outcome: "fired" }, started.length);
      if (queued > 0) fires.inc({ outcome: "queued" }, queued);
      for (const { reason, slots } of skipped) {
        fires.inc({ outcome: "skipped" }, slots ?? COUNTLESS);
        skips.inc({ reason }, slots ?? COUNTLESS);
      }
      for (const { slot, toleranceMs } of started) {
        if (now === null || toleranceMs === null || now - slot > toleranceMs) continue;
        latency.observe(Math.max(0, now - slot) / 1_000);
      }
    },
    overdue: createOverdueGauges(registers),
  };
}

function createOverdueGauges(registers: Registry[]): FiringMetrics["overdue"] {
  const overdue = new Gauge({
    name: "atelier_schedules_overdue",
    help: "Schedules whose next slot is late by more than their tolerance, at most 100,000",
    registers,
  });
  const oldest = new Gauge({
    name: "atelier_schedules_oldest_overdue_seconds",
    help: "How late the slot of the oldest of them is; 0 without any",
    registers,
  });
  return (schedules) => {
    overdue.remove();
    oldest.remove();
    if (!schedules) return;
    overdue.set(schedules.overdue);
    oldest.set(schedules.oldestOverdueSeconds);
  };
}
