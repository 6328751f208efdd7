// What firing tells Prometheus, from real commits' words; and a look that fails leaves no old figure.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { createFiringMetrics } from "./firing-metrics.ts";

const SLOT = Date.UTC(2026, 2, 1, 12);
const nothing = { started: [], queued: 0, skipped: [], rings: [], full: [], next: [] };

test("slots are counted by what became of them; only punctual ones have a latency", async () => {
  const registry = new Registry();
  const metrics = createFiringMetrics(registry);
  const on = { workspaceId: "w", slot: SLOT, toleranceMs: 60_000 };
  metrics.fired({ ...nothing, started: [on, { ...on, slot: SLOT - 70_000 }], queued: 3 }, SLOT + 200);
  metrics.fired({ ...nothing, started: [{ ...on, toleranceMs: null }] }, null);
  const skipped = [
    { reason: "missed", slots: null },
    { reason: "overlap", slots: 2 },
  ];
  metrics.fired({ ...nothing, skipped }, SLOT);
  const text = await registry.metrics();
  assert.match(text, /^atelier_schedule_fires_total\{outcome="fired"\} 3$/m);
  assert.match(text, /^atelier_schedule_fires_total\{outcome="queued"\} 3$/m);
  assert.match(text, /^atelier_schedule_fires_total\{outcome="skipped"\} 2003$/m);
  assert.match(text, /^atelier_schedule_skips_total\{reason="missed"\} 2001$/m);
  assert.match(text, /^atelier_schedule_skips_total\{reason="overlap"\} 2$/m);
  assert.match(text, /^atelier_schedule_firing_latency_seconds_count 1$/m);
  assert.match(text, /^atelier_schedule_firing_latency_seconds_sum 0\.2$/m);
});

test("overdue schedules are told by who counts them, and not at all by the others", async () => {
  const registry = new Registry();
  const metrics = createFiringMetrics(registry);
  metrics.overdue({ overdue: 2, oldestOverdueSeconds: 90.5 });
  const text = await registry.metrics();
  assert.match(text, /^atelier_schedules_overdue 2$/m);
  assert.match(text, /^atelier_schedules_oldest_overdue_seconds 90\.5$/m);
  metrics.overdue(null);
  assert.doesNotMatch(await registry.metrics(), /^atelier_schedules_/m);
});
