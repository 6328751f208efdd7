// Compiled versions by (workflow, version): versions are immutable, so an entry never goes stale.
import { AppError } from "#core/domain/app-error.ts";
import { type CompiledWorkflow, compileWorkflow, type NodeCatalogue } from "#core/engine/compile-workflow.ts";
import type { Database } from "#core/persistence/database.ts";
import { loadVersionGraph } from "#core/persistence/executions/claim-executions.ts";

/** A 2,000-node graph compiles to a few MB; 500 ordinary ones stay far below 100 MB. */
const MAX_ENTRIES = 500;

export type WorkflowCache = { get(workflowId: string, version: number): Promise<CompiledWorkflow> };

export function createWorkflowCache(database: Database, catalogue: NodeCatalogue): WorkflowCache {
  const entries = new Map<string, Promise<CompiledWorkflow>>();

  const load = async (workflowId: string, version: number) => {
    const graph = await loadVersionGraph(database, workflowId, version);
    if (!graph) throw new AppError("invalid_version", `Version ${version} of the workflow does not exist`);
    return compileWorkflow(graph, catalogue);
  };

  return {
    get(workflowId, version) {
      const key = `${workflowId}:${version}`;
      const known = entries.get(key);
      if (known) {
        // Re-inserted as the newest: the oldest entry is the first to go.
        entries.delete(key);
        entries.set(key, known);
        return known;
      }
      const loading = load(workflowId, version);
      loading.catch(() => entries.delete(key));
      entries.set(key, loading);
      if (entries.size > MAX_ENTRIES) entries.delete(entries.keys().next().value as string);
      return loading;
    },
  };
}
