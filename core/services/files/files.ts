// Files: take in, list, hand out, delete.
import { legalHold } from "../../domain/legal-hold.ts";
import { type Actor, authorize, notFound, workspacesFor } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Database } from "../../persistence/database.ts";
import {
  deleteFile,
  type FileMetadata,
  type FoundFile,
  findFile,
  listFiles,
} from "../../persistence/files.ts";
import { isHeld } from "../../persistence/identity/workspaces.ts";
import type { ReadRecorder } from "../audit/record-reads.ts";
import { principalsOf } from "../principals-of.ts";
import { readFileBytes } from "./read-file-bytes.ts";
import { MAX_FILE_BYTES, type Upload, uploadFile } from "./upload-file.ts";

export type FilePage = { workspaceId?: string | undefined; before?: string | undefined; limit: number };

export type FileService = ReturnType<typeof createFileService>;

/** Every call throws `not_found` for what the actor cannot see and `forbidden` where the role is too small. */
export function createFileService({
  database,
  reads,
  maxBytes = MAX_FILE_BYTES,
}: {
  database: Database;
  reads: ReadRecorder;
  maxBytes?: number;
}) {
  return {
    upload: (actor: Actor, upload: Upload): Promise<FileMetadata> =>
      uploadFile({ database, maxBytes }, actor, upload),
    list: (actor: Actor, page: FilePage): Promise<FileMetadata[]> => list(database, actor, page),
    get: (actor: Actor, id: string): Promise<FoundFile> => get(database, actor, id),
    /**
     * `file` from `get`; bytes `start` to `end` inclusive, read as they are taken. Resolves when the reading is in the
     * audit log, where it has to be; rejects when it cannot be.
     */
    async read(
      actor: Actor,
      file: FoundFile,
      range: { start: number; end: number },
    ): Promise<AsyncGenerator<Buffer>> {
      await reads.record(actor, { targetType: "file", targetId: file.id, how: "content", facts: file });
      return readFileBytes(database, principalsOf(actor), file.id, range);
    },
    remove: (actor: Actor, id: string): Promise<void> => remove(database, actor, id),
  };
}

async function list(database: Database, actor: Actor, page: FilePage): Promise<FileMetadata[]> {
  const { workspaceId, ...rest } = page;
  if (workspaceId !== undefined) authorize(actor, "file:read", { workspaceId });
  const workspaceIds = workspaceId === undefined ? workspacesFor(actor, "file:read") : [workspaceId];
  return database.transaction(principalsOf(actor), (tx) => listFiles(tx, { ...rest, workspaceIds }));
}

async function get(database: Database, actor: Actor, id: string): Promise<FoundFile> {
  const file = await database.transaction(principalsOf(actor), (tx) => findFile(tx, id));
  if (!file) throw notFound("file");
  authorize(actor, "file:read", file);
  return file;
}

async function remove(database: Database, actor: Actor, id: string): Promise<void> {
  await database.transaction(principalsOf(actor), async (tx) => {
    const file = await findFile(tx, id);
    if (!file) throw notFound("file");
    authorize(actor, "file:write", file);
    if (await isHeld(tx, file.workspaceId)) throw legalHold();
    if (!(await deleteFile(tx, id, "finished"))) throw notFound("file");
    const details = { name: file.name, size: file.size, sha256: file.sha256 };
    const target = { chainId: file.workspaceId, targetType: "file", targetId: id };
    await appendAudit(tx, [{ ...target, actorId: actor.userId, action: "file.deleted", details }]);
  });
}
