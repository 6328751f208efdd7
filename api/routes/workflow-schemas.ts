// What the workflow routes answer, as the OpenAPI document shows it.
import { z } from "zod";
import { graphSchema } from "#core/domain/graph.ts";

export const workflowSummarySchema = z.object({
  id: z.uuid(),
  workspaceId: z.uuid(),
  name: z.string(),
  description: z.string(),
  version: z.int(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});

export const workflowSchema = workflowSummarySchema.extend({ graph: graphSchema });

export const versionSummarySchema = z.object({
  version: z.int(),
  contentHash: z.string().describe("SHA-256 of the graph in canonical JSON, hex"),
  note: z.string(),
  createdBy: z.uuid(),
  createdAt: z.iso.datetime(),
});

export const versionSchema = versionSummarySchema.extend({ graph: graphSchema });

export const problemsSchema = z.object({
  valid: z.boolean(),
  problems: z.array(
    z.object({ nodeId: z.string().optional(), path: z.string(), code: z.string(), message: z.string() }),
  ),
});

const change = z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() });
const { nodes, edges } = graphSchema.shape;

export const diffSchema = z.object({
  nodes: z.object({
    added: nodes,
    removed: nodes,
    changed: z.array(z.object({ id: z.string(), changes: z.array(change) })),
    moved: z.array(
      z.object({ id: z.string(), before: z.unknown().optional(), after: z.unknown().optional() }),
    ),
  }),
  edges: z.object({ added: edges, removed: edges }),
  settings: z.array(change),
});
