// How many entries of a chain are proven in a second.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { verifyAuditChain } from "../../core/persistence/audit/verify-audit-chain.ts";
import type { Database } from "../../core/persistence/database.ts";
import { type Measurement, round } from "./measurement.ts";

/** Throws when the chain is not good. */
export async function measureAuditVerify(database: Database, chainId: string): Promise<Measurement> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  delay.enable();
  const verdict = await database.transaction({ workspaceIds: [chainId] }, (tx) =>
    verifyAuditChain(tx, chainId),
  );
  delay.disable();
  const { user, system } = process.cpuUsage(cpu);
  if (!verdict.ok) throw new Error(`a chain of this bench is bad: ${JSON.stringify(verdict)}`);
  return {
    name: "audit verification",
    unit: "entries/s",
    value: round((verdict.checked / (performance.now() - startedAt)) * 1_000),
    entries: verdict.checked,
    microsecondsOfNode: round((user + system) / verdict.checked),
    eventLoopDelayP99Ms: round(delay.percentile(99) / 1e6),
  };
}
