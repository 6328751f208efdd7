// What a schedule would submit, checked when it is saved as a submission would be.
import { AppError } from "../../domain/app-error.ts";
import { findFileReferences } from "../../domain/file-references.ts";
import type { Executor } from "../../persistence/database.ts";
import type { ScheduledWorkflow } from "../../persistence/schedules/scheduled-workflows.ts";
import { findVersionTriggers } from "../../persistence/workflows/version-triggers.ts";
import { assertFilesVisible } from "../workflows/check-file-references.ts";
import { fault } from "./judge-timing.ts";

/** Throws `invalid_trigger` for a node the current version has not as a trigger, `not_found` for files of elsewhere. */
export async function checkDraft(
  tx: Executor,
  workflow: ScheduledWorkflow,
  { trigger, input }: { trigger?: string | null; input?: unknown },
): Promise<void> {
  if (typeof trigger === "string") {
    const triggers = (await findVersionTriggers(tx, workflow.id, workflow.version)) ?? [];
    if (!triggers.includes(trigger)) {
      const detail = `The workflow has no trigger node ${trigger}; it has ${triggers.join(", ")}`;
      throw fault("invalid_trigger", "trigger", detail);
    }
  }
  await assertFilesVisible(tx, findFileReferences(input), workflow.workspaceId);
}

export const workflowArchived = (): AppError =>
  new AppError("workflow_archived", "The workflow of this schedule has been archived: it runs no more");
