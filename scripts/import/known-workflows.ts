// Finds the workflow an old execution belongs to: from this import, else from an earlier one.
import type { Executor } from "../../core/persistence/database.ts";
import {
  findImportedWorkflow,
  listNodeTypes,
  listVersionHashes,
} from "../../core/persistence/imports/import-workflows.ts";

export type KnownWorkflow = {
  id: string;
  current: number;
  versions: ReadonlySet<number>;
  /** Old node id → new one, where they differ. */
  renames: ReadonlyMap<string, string>;
  /** By new node id, of the current version. */
  nodeTypes: ReadonlyMap<string, string>;
};

export async function findKnownWorkflow(
  tx: Executor,
  workspaceId: string,
  legacyId: string,
): Promise<KnownWorkflow | null> {
  const found = await findImportedWorkflow(tx, workspaceId, legacyId);
  if (!found) return null;
  const versions = await listVersionHashes(tx, found.id);
  return {
    id: found.id,
    current: found.version,
    versions: new Set(versions.map(({ version }) => version)),
    renames: new Map(),
    nodeTypes: await listNodeTypes(tx, found.id, found.version),
  };
}
