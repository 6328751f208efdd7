// An input may name only files of the workspace it runs in: the worker could not read others anyway.
import { AppError } from "../../domain/app-error.ts";
import { isUuid } from "../../domain/uuid.ts";
import type { Executor } from "../../persistence/database.ts";
import { findFilesOf } from "../../persistence/files.ts";

/** `ids` from findFileReferences. Throws `not_found` naming every id that is foreign, missing or unfinished. */
export async function assertFilesVisible(
  tx: Executor,
  ids: readonly string[],
  workspaceId: string,
): Promise<void> {
  if (ids.length === 0) return;
  const found = await findFilesOf(tx, workspaceId, ids.filter(isUuid));
  const missing = ids.filter((id) => !found.has(id.toLowerCase()));
  if (missing.length === 0) return;
  throw new AppError("not_found", "The input names files that are not in its workspace", {
    problems: missing
      .slice(0, 20)
      .map((id) => ({ path: "$file", message: `no such file: ${id.slice(0, 60)}` })),
  });
}
