// /api/files: streamed up and down, listed, deleted.
import { z } from "zod";
import { DATA_LABELS } from "#core/domain/data-labels.ts";
import { fileNameSchema } from "#core/domain/file-name.ts";
import type { FileService } from "#core/services/files/files.ts";
import { pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { downloadFile } from "./file-download.ts";
import { readUpload } from "./file-upload.ts";
import { replyPage } from "./id-page.ts";

const fileSchema = z.object({
  id: z.uuid(),
  workspaceId: z.uuid(),
  name: z.string(),
  size: z.int().describe("Bytes"),
  contentType: z.string(),
  sha256: z.string().describe("Hex"),
  labels: z.array(z.string()).describe("Reading a labelled file is in the audit log"),
  createdAt: z.iso.datetime(),
});

const uploadQuery = z.strictObject({
  name: fileNameSchema.default("file"),
  workspaceId: z.uuid().optional(),
  labels: z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(DATA_LABELS)).max(DATA_LABELS.length))
    .optional()
    .describe(`What it holds: ${DATA_LABELS.join(", ")}, with commas between them`),
});
const listQuery = z.strictObject({ ...pageQuery, workspaceId: z.uuid().optional() });
const BINARY = { contentType: "application/octet-stream" };

export function createFileRoutes({ files }: { files: FileService }): Route[] {
  return [...createCollectionRoutes(files), ...createItemRoutes(files)];
}

function createCollectionRoutes(files: FileService): Route[] {
  return [
    defineRoute({
      method: "post",
      path: "/api/files",
      summary: "Upload a file: the body is its bytes, at most 512 MB",
      tag: "Files",
      action: "file:write",
      query: uploadQuery,
      rawBody: true,
      replies: { 201: { description: 'Used as {"$file": id} in any input', schema: fileSchema } },
      async handle({ actor, query, request }) {
        const file = await files.upload(actor, readUpload(request, query));
        return { status: 201, headers: { location: `/api/files/${file.id}` }, body: file };
      },
    }),
    defineRoute({
      method: "get",
      path: "/api/files",
      summary: "List files, newest first",
      tag: "Files",
      action: "file:read",
      query: listQuery,
      replies: { 200: { description: "A page of files", schema: pageOf(fileSchema) } },
      handle: ({ actor, query: { limit, cursor, ...filter } }) =>
        replyPage({ limit, cursor }, (page) => files.list(actor, { ...filter, ...page })),
    }),
  ];
}

function createItemRoutes(files: FileService): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/files/:id",
      summary: "Download a file, whole or one range of it",
      tag: "Files",
      action: "file:read",
      params: idParams,
      headers: {
        Range: "bytes=FIRST-LAST, one range",
        "If-Range": "The ETag the range belongs to",
        "If-None-Match": "ETags that need no answer",
      },
      replies: {
        200: { description: "The bytes", ...BINARY },
        206: { description: "The bytes of the range", ...BINARY },
        304: { description: "If-None-Match names this content" },
      },
      handle: ({ actor, params, request }) => downloadFile(files, actor, params.id, request),
    }),
    defineRoute({
      method: "delete",
      path: "/api/files/:id",
      summary: "Delete a file",
      tag: "Files",
      action: "file:write",
      params: idParams,
      replies: { 204: { description: "Deleted" } },
      async handle({ actor, params }) {
        await files.remove(actor, params.id);
        return { status: 204 };
      },
    }),
  ];
}
