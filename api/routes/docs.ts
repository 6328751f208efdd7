// The OpenAPI document; the page that shows it is static.
import { z } from "zod";
import { defineRoute, type Route } from "../routing/route.ts";

export function createDocsRoutes(document: Readonly<Record<string, unknown>>): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/openapi.json",
      summary: "This interface as an OpenAPI 3.1 document",
      tag: "Documentation",
      action: "public",
      replies: { 200: { description: "The document", schema: z.record(z.string(), z.unknown()) } },
      handle: async () => ({ status: 200, body: document }),
    }),
  ];
}
