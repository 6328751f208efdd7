// Everything a workspace holds but its secrets, as a sequence of entries that are read while they are sent.
import { createHash } from "node:crypto";
import { AppError } from "../../domain/app-error.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import {
  EXPORT_SOURCES,
  type ExportKey,
  type ExportLine,
  type ExportPlace,
  findAuditHead,
  findOwnedWorkspace,
  readAuditPage,
  readExecutionIds,
  readExportPage,
  readStepPage,
} from "../../persistence/export-workspace.ts";
import { readFileBytes } from "../files/read-file-bytes.ts";
import { principalsOf } from "../principals-of.ts";

/** Rows of a page: the first of a table asks for few, none for more than MOST_ROWS. */
const FIRST_ROWS = 8;
const MOST_ROWS = 200;

/** A file of the archive. Its content must be read to the end before the next entry is asked for. */
export type ExportEntry = { path: string; content: AsyncIterable<Buffer> };

export type WorkspaceExport = { name: string; entries: AsyncGenerator<ExportEntry> };

export type ExportService = ReturnType<typeof createExportService>;

export function createExportService({ database }: { database: Database }) {
  return {
    /** Throws what `open` would throw for lack of rights. */
    check: (actor: Actor, workspaceId: string): void => authorize(actor, "workspace:export", { workspaceId }),
    /**
     * Writes `workspace.exported`, then hands out entries. Every page is a transaction of its own, so a slow reader
     * holds no connection, and asks again whether the actor owns the workspace: if not, reading throws `forbidden`.
     */
    async open(actor: Actor, workspaceId: string): Promise<WorkspaceExport> {
      authorize(actor, "workspace:export", { workspaceId });
      const workspace = await database.transaction(principalsOf(actor), async (tx) => {
        const workspace = await findOwnedWorkspace(tx, workspaceId, actor.userId);
        if (!workspace) throw notFound("workspace");
        const target = { chainId: workspaceId, targetType: "workspace", targetId: workspaceId };
        await appendAudit(tx, [{ ...target, actorId: actor.userId, action: "workspace.exported" }]);
        return workspace;
      });
      const reader = createReader(database, actor, workspaceId);
      return { name: workspace.name, entries: withManifest(workspace, contents(reader, workspace)) };
    },
  };
}

type Workspace = NonNullable<Awaited<ReturnType<typeof findOwnedWorkspace>>>;
type Content = {
  path: string;
  content: AsyncIterable<Buffer>;
  lines?: () => number;
  note?: () => string | null;
};
type Reader = ReturnType<typeof createReader>;

function createReader(database: Database, actor: Actor, workspaceId: string) {
  const principals = principalsOf(actor);
  const read = <Result>(work: (tx: Executor) => Promise<Result>) =>
    database.transaction(principals, async (tx) => {
      if (!(await findOwnedWorkspace(tx, workspaceId, actor.userId))) {
        throw new AppError("forbidden", "You do not own this workspace any more");
      }
      return work(tx);
    });
  const bytes = (fileId: string, size: number) =>
    readFileBytes(database, principals, fileId, { start: 0, end: size - 1 });
  return { workspaceId, read, bytes };
}

async function* contents(reader: Reader, workspace: Workspace): AsyncGenerator<Content> {
  const { workspaceId, read } = reader;
  yield { path: "workspace.json", content: single(workspace) };
  for (const source of EXPORT_SOURCES) {
    yield ndjson(
      `${source}.ndjson`,
      pages(read, (tx, place) => readExportPage(tx, source, workspaceId, place)),
    );
  }
  yield ndjson("execution-steps.ndjson", stepPages(reader));
  for await (const page of pages(read, (tx, place) => readExportPage(tx, "files", workspaceId, place))) {
    for (const { line } of page) yield fileContent(reader, JSON.parse(line) as { id: string; size: number });
  }
  yield ndjson(
    "audit-log.ndjson",
    pages(read, (tx, place) => readAuditPage(tx, workspaceId, place)),
  );
  yield { path: "audit-head.json", content: single(await read((tx) => findAuditHead(tx, workspaceId))) };
}

type Read = Reader["read"];

/**
 * The database makes the lines of as many rows as it is asked for and hands out those that fit a page. Asked for 200
 * rows of 32 kB it would make 13 times what it hands out, and an export would take 5 times as long; so it is asked for
 * as many as fitted last time, and for twice as many when all did.
 */
async function* pages(
  read: Read,
  next: (tx: Executor, place: ExportPlace) => Promise<ExportLine[]>,
): AsyncGenerator<ExportLine[]> {
  let after: ExportKey = null;
  let limit = FIRST_ROWS;
  for (;;) {
    const place: ExportPlace = { after, limit };
    const page: ExportLine[] = await read((tx) => next(tx, place));
    const last = page.at(-1);
    if (!last) return;
    yield page;
    after = last.key;
    limit = page.length < limit ? page.length : Math.min(2 * limit, MOST_ROWS);
  }
}

async function* stepPages({ read, workspaceId }: Reader): AsyncGenerator<ExportLine[]> {
  let last: string | undefined;
  for (;;) {
    const after = last;
    const ids: string[] = await read((tx) => readExecutionIds(tx, workspaceId, after, MOST_ROWS));
    last = ids.at(-1);
    if (last === undefined) return;
    yield* pages(read, (tx, place) => readStepPage(tx, ids, place));
  }
}

function ndjson(path: string, from: AsyncIterable<ExportLine[]>): Content {
  let lines = 0;
  async function* content(): AsyncGenerator<Buffer> {
    for await (const page of from) {
      lines += page.length;
      yield Buffer.from(page.map(({ line }) => `${line}\n`).join(""));
    }
  }
  return { path, content: content(), lines: () => lines };
}

/** A file that is deleted meanwhile ends where it was; the manifest says so. */
function fileContent(reader: Reader, { id, size }: { id: string; size: number }): Content {
  let note: string | null = null;
  async function* content(): AsyncGenerator<Buffer> {
    try {
      yield* reader.bytes(id, size);
    } catch (error) {
      if (!(error instanceof AppError && error.code === "file_gone")) throw error;
      note = "deleted while it was exported";
    }
  }
  // Names are data of people and may be paths; files.ndjson has them.
  return { path: `files/${id}`, content: content(), note: () => note };
}

async function* single(value: unknown): AsyncGenerator<Buffer> {
  yield Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** The last entry, manifest.json: of each other its bytes, SHA-256 and lines. */
async function* withManifest(
  workspace: Workspace,
  contents: AsyncIterable<Content>,
): AsyncGenerator<ExportEntry> {
  const startedAt = new Date().toISOString();
  const entries: Record<string, unknown>[] = [];
  for await (const { path, content, lines, note } of contents) {
    const hash = createHash("sha256");
    let bytes = 0;
    const hashed = async function* () {
      for await (const chunk of content) {
        bytes += chunk.length;
        hash.update(chunk);
        yield chunk;
      }
    };
    yield { path, content: hashed() };
    const said = note?.();
    entries.push({
      path,
      bytes,
      sha256: hash.digest("hex"),
      ...(lines && { lines: lines() }),
      ...(said && { note: said }),
    });
  }
  const { id, name } = workspace;
  const finishedAt = new Date().toISOString();
  yield {
    path: "manifest.json",
    content: single({
      format: "atelier-workspace",
      version: 1,
      workspaceId: id,
      name,
      startedAt,
      finishedAt,
      entries,
    }),
  };
}
