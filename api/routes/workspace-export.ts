// GET /api/workspaces/:id/export: everything a workspace holds but its secrets, as one zip.
import type { ExportService } from "#core/services/workspaces/export-workspace.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { zipEntries } from "../zip-entries.ts";

export function createWorkspaceExportRoutes({ exports }: { exports: ExportService }): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/workspaces/:id/export",
      summary:
        "Export a workspace as a zip; manifest.json, its last entry, has counts and SHA-256 of the others",
      tag: "Workspaces",
      action: "workspace:export",
      params: idParams,
      replies: { 200: { description: "The archive", contentType: "application/zip" } },
      async handle({ actor, params, request }) {
        const headers = {
          "content-type": "application/zip",
          "content-disposition": `attachment; filename="workspace-${params.id}.zip"`,
        };
        exports.check(actor, params.id);
        // Asking for the headers exports nothing.
        if (request.method === "HEAD") return { status: 200, headers };
        const { entries } = await exports.open(actor, params.id);
        return { status: 200, headers, stream: zipEntries(entries) };
      },
    }),
  ];
}
