// Sub-workflows over PostgreSQL: of the execution's own workspace, for a person who may run things there now.
import { AppError } from "#core/domain/app-error.ts";
import { notFound, rolesFor } from "#core/domain/roles.ts";
import type { ChildSource } from "#core/engine/child-source.ts";
import type { Database } from "#core/persistence/database.ts";
import { findChildVersion } from "#core/persistence/executions/child-versions.ts";
import { awaitDatabase } from "./await-database.ts";

export function createChildSource(database: Database): ChildSource {
  return {
    async findVersion({ workspaceId, userId }, { workflowId, version }) {
      const wanted = { workspaceId, userId, workflowId, version: version ?? null };
      const found = await awaitDatabase(() =>
        database.transaction({ userId, workspaceIds: [workspaceId] }, (tx) => findChildVersion(tx, wanted)),
      );
      if (!found) throw notFound(version === undefined ? "workflow" : `version ${version} of the workflow`);
      if (!rolesFor("execution:run").some((role) => role === found.role)) {
        throw new AppError(
          "forbidden",
          "The person this execution belongs to may not run workflows here any more",
        );
      }
      return found.version;
    },
  };
}
