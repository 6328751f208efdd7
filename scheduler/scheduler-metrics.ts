// What the scheduler tells Prometheus: the census of executions, what recovery took back, and when what last succeeded.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Recovered } from "#core/services/executions/recover-executions.ts";
import type { Census } from "#core/services/executions/take-census.ts";

export type SchedulerMetrics = {
  /** null: another scheduler counts, and one set of figures is enough. */
  counted(census: Census | null): void;
  /** A recovery pass has ended well, in seconds. */
  recovered(pass: Recovered, seconds: number): void;
  anchored(heads: number): void;
};

const PASS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30];

/** `lastPassAt` as the recovery loop says it, in milliseconds since the epoch; 0: never. */
export function createSchedulerMetrics(registry: Registry, lastPassAt: () => number): SchedulerMetrics {
  const registers = [registry];
  const census = createCensusGauges(registers);
  const reaped = new Counter({
    name: "atelier_executions_reaped_total",
    help: "Executions taken back after their lease ran out, by what they became",
    labelNames: ["status"] as const,
    registers,
  });
  const crashed = new Counter({
    name: "atelier_executions_crashed_total",
    help: "Of those taken back: their worker was dead",
    registers,
  });
  const rung = new Counter({
    name: "atelier_executions_rung_again_total",
    help: "Queued executions the queue had forgotten",
    registers,
  });
  const pass = new Histogram({
    name: "atelier_recovery_pass_duration_seconds",
    help: "Recovery passes of this scheduler that succeeded while it held the lock",
    buckets: PASS_SECONDS,
    registers,
  });
  registerLastPass(registers, lastPassAt);
  const anchoredAt = new Gauge({
    name: "atelier_audit_anchor_last_success_timestamp_seconds",
    help: "When this scheduler last looked after the audit log's signed heads with success; 0: never",
    registers,
  });
  const heads = new Counter({
    name: "atelier_audit_anchors_total",
    help: "Signed heads written outside the database",
    registers,
  });
  return {
    counted: census,
    recovered(recovered, seconds) {
      pass.observe(seconds);
      rung.inc(recovered.rung);
      for (const { status, crashed: isCrash } of recovered.reaped) {
        reaped.inc({ status });
        if (isCrash) crashed.inc();
      }
    },
    anchored(count) {
      anchoredAt.setToCurrentTime();
      heads.inc(count);
    },
  };
}

function registerLastPass(registers: Registry[], lastPassAt: () => number): void {
  new Gauge({
    name: "atelier_recovery_last_success_timestamp_seconds",
    help: "When recovery last succeeded here, or was seen in the hands of another scheduler; 0: never",
    registers,
    collect() {
      this.set(lastPassAt() / 1_000);
    },
  });
  new Gauge({
    name: "atelier_recovery_lag_seconds",
    help: "Since then; absent before the first time",
    registers,
    collect() {
      this.remove();
      if (lastPassAt() > 0) this.set((Date.now() - lastPassAt()) / 1_000);
    },
  });
}

function createCensusGauges(registers: Registry[]): (census: Census | null) => void {
  const executions = new Gauge({
    name: "atelier_executions",
    help: "Executions that have not ended, by state: queued (could be taken now), scheduled (for later), running, orphaned, waiting",
    labelNames: ["state"] as const,
    registers,
  });
  const oldest = new Gauge({
    name: "atelier_oldest_queued_age_seconds",
    help: "How long the oldest queued execution could have been taken",
    registers,
  });
  const approvals = new Gauge({
    name: "atelier_approvals_pending",
    help: "Approvals that people are asked for and nobody has ended",
    registers,
  });
  const oldestApproval = new Gauge({
    name: "atelier_oldest_approval_age_seconds",
    help: "Since the oldest of them was asked for",
    registers,
  });
  const workers = new Gauge({
    name: "atelier_workers",
    help: "Workers that beat, and those that fell silent within the last 10 minutes",
    labelNames: ["state"] as const,
    registers,
  });
  return (census) => {
    executions.reset();
    for (const gauge of [oldest, approvals, oldestApproval]) gauge.remove();
    workers.reset();
    if (!census) return;
    executions.set({ state: "queued" }, census.due);
    executions.set({ state: "scheduled" }, census.later);
    executions.set({ state: "running" }, census.running);
    executions.set({ state: "orphaned" }, census.orphaned);
    executions.set({ state: "waiting" }, census.waiting);
    oldest.set(census.oldestSeconds);
    approvals.set(census.approvals);
    oldestApproval.set(census.oldestApprovalSeconds);
    workers.set({ state: "alive" }, census.alive);
    workers.set({ state: "silent" }, census.silent);
  };
}
