// The engine's port to other workflows: which version of one a sub-workflow node may run.
import type { ClaimedExecution } from "#core/domain/journal.ts";

export type ChildSource = {
  /**
   * The version to run: the one asked for, else the current one. Throws `not_found` when the execution's workspace has
   * no such workflow or version, `forbidden` when its person may not run things there any more.
   */
  findVersion(
    execution: ClaimedExecution,
    wanted: { workflowId: string; version: number | undefined },
  ): Promise<number>;
};
