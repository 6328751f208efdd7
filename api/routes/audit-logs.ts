// /api/audit-logs: search and export of one chain; its proof is in audit-proof.ts.
import { Readable } from "node:stream";
import { z } from "zod";
import type { AuditLogService } from "#core/services/audit/audit-logs.ts";
import { decodeCursor, encodeCursor, foreignCursor, pageOf, pageQuery } from "../routing/pagination.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { CONTENT_TYPES, EXPORT_FORMATS, writeExport } from "./audit-export.ts";
import { auditLogSchema, chainQuery, filterQuery } from "./audit-schemas.ts";

const listQuery = z.strictObject({ ...chainQuery, ...filterQuery, ...pageQuery });
const exportQuery = z.strictObject({
  ...chainQuery,
  ...filterQuery,
  format: z.enum(EXPORT_FORMATS).default("ndjson"),
});

export function createAuditLogRoutes({ auditLogs }: { auditLogs: AuditLogService }): Route[] {
  return [createListRoute(auditLogs), createExportRoute(auditLogs)];
}

function createListRoute(auditLogs: AuditLogService): Route {
  return defineRoute({
    method: "get",
    path: "/api/audit-logs",
    summary: "Search the audit log of one workspace, newest first",
    tag: "Audit",
    action: "audit:read",
    query: listQuery,
    replies: { 200: { description: "One page", schema: pageOf(auditLogSchema) } },
    async handle({ actor, query: { workspaceId, chain, limit, cursor, ...filter } }) {
      const page = { before: readCursor(cursor), limit: limit + 1 };
      const rows = await auditLogs.list(actor, { workspaceId, chain }, filter, page);
      const items = rows.slice(0, limit);
      const last = rows.length > limit ? items.at(-1) : undefined;
      const nextCursor = last ? encodeCursor([last.at, String(last.seq)]) : null;
      return { status: 200, body: { items, nextCursor } };
    },
  });
}

function readCursor(cursor: string | undefined): { at: string; seq: number } | undefined {
  const key = decodeCursor(cursor, 2);
  if (!key) return undefined;
  const [at = "", seq = ""] = key;
  if (!z.iso.datetime().safeParse(at).success || !/^\d{1,15}$/.test(seq)) throw foreignCursor();
  return { at, seq: Number(seq) };
}

function createExportRoute(auditLogs: AuditLogService): Route {
  return defineRoute({
    method: "get",
    path: "/api/audit-logs/export",
    summary:
      "Download the audit log of one workspace, newest first; the export is in the log before it begins",
    tag: "Audit",
    action: "audit:read",
    query: exportQuery,
    replies: {
      200: { description: "One entry a line, or a table with a head", contentType: CONTENT_TYPES.ndjson },
    },
    async handle({ actor, request, query: { workspaceId, chain, format, ...filter } }) {
      const headers = {
        "content-type": CONTENT_TYPES[format],
        "content-disposition": `attachment; filename="audit-log.${format}"`,
        "x-content-type-options": "nosniff",
      };
      if (request.method === "HEAD") {
        // Refuses what the export would refuse; no bytes, so nothing to write down.
        await auditLogs.list(actor, { workspaceId, chain }, {}, { limit: 1 });
        return { status: 200, headers };
      }
      const batches = await auditLogs.export(actor, { workspaceId, chain }, filter, format);
      return { status: 200, headers, stream: Readable.from(writeExport(batches, format)) };
    },
  });
}
