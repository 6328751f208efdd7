// The palette: every node type with its config schema.
import { z } from "zod";
import { describeNodeTypes } from "#core/nodes/describe-node-types.ts";
import { defineRoute, type Route } from "../routing/route.ts";

const nodeTypeSchema = z.object({
  type: z.string(),
  title: z.string(),
  category: z.string(),
  description: z.string(),
  configSchema: z.record(z.string(), z.unknown()),
  inputs: z.array(z.string()),
  outputs: z.array(z.string()),
  outputsFromConfig: z.literal(true).optional(),
  credentialTypes: z.record(z.string(), z.array(z.string())),
  effects: z.enum(["pure", "idempotent", "effectful"]),
  effectsFromConfig: z.literal(true).optional(),
  literalFields: z
    .record(z.string(), z.enum(["javascript", "sql", "text"]))
    .describe("Config keys whose text is taken as written: {{ in them is no expression"),
});

export function createNodeTypeRoutes(): Route[] {
  const items = describeNodeTypes();
  return [
    defineRoute({
      method: "get",
      path: "/api/node-types",
      summary: "All node types",
      tag: "Node types",
      action: "self:read",
      replies: {
        200: { description: "In palette order", schema: z.object({ items: z.array(nodeTypeSchema) }) },
      },
      handle: async () => ({ status: 200, body: { items } }),
    }),
  ];
}
