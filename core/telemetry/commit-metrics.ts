// How many callers share a commit, and how long it takes.
import { Histogram, type Registry } from "prom-client";

/** Told once per batch, after its commit or failure: how many items it held, and how long it took in seconds. */
export type ObserveCommit = (items: number, seconds: number) => void;

const ITEMS = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** `writer` names one of the process's group writers: submissions, claims, journal. */
export function createCommitMetrics(registry: Registry): (writer: string) => ObserveCommit {
  const items = new Histogram({
    name: "atelier_group_commit_items",
    help: "Items written by one group commit",
    labelNames: ["writer"] as const,
    buckets: ITEMS,
    registers: [registry],
  });
  const duration = new Histogram({
    name: "atelier_group_commit_duration_seconds",
    help: "One group commit, from its first statement to its answer",
    labelNames: ["writer"] as const,
    buckets: SECONDS,
    registers: [registry],
  });
  return (writer) => {
    const [size, time] = [items.labels(writer), duration.labels(writer)];
    return (count, seconds) => {
      size.observe(count);
      time.observe(seconds);
    };
  };
}
