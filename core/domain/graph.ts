// The workflow graph as people draw it: React Flow's shape, with the strict schema that requests pass.
import { z } from "zod";
import { DATA_LABELS } from "./data-labels.ts";

export const NODE_ID = /^[A-Za-z_][A-Za-z0-9_]*$/;
export const MAX_NODES = 2_000;
export const MAX_EDGES = 10_000;

const retrySchema = z.strictObject({
  maxAttempts: z.int().min(1).max(100).default(3),
  backoffMs: z.int().min(0).max(86_400_000).default(1_000),
  maxBackoffMs: z.int().min(0).max(86_400_000).default(60_000),
});

const nodeDataSchema = z.strictObject({
  label: z.string().max(200).optional(),
  config: z.record(z.string(), z.unknown()).optional(),
  credentials: z.record(z.string(), z.uuid()).optional(),
  retry: retrySchema.optional(),
  timeoutMs: z.int().min(1).max(86_400_000).optional(),
  onError: z.enum(["fail", "continue", "error"]).optional(),
  pinned: z.unknown().optional(),
});

// The editor keeps its own view state (size, selection) on nodes and edges; it is kept, never interpreted.
const nodeSchema = z.looseObject({
  id: z.string().min(1).max(100),
  type: z.string().min(1).max(100),
  position: z.object({ x: z.number(), y: z.number() }).optional(),
  data: nodeDataSchema.optional(),
});

const edgeSchema = z.looseObject({
  id: z.string().max(300).optional(),
  source: z.string().min(1).max(100),
  target: z.string().min(1).max(100),
  sourceHandle: z.string().max(100).nullish(),
  targetHandle: z.string().max(100).nullish(),
});

const settingsSchema = z.strictObject({
  timeoutMs: z.int().min(1).max(31_536_000_000).optional(),
  concurrency: z.int().min(1).max(10_000).optional(),
  errorWorkflowId: z.uuid().optional(),
  labels: z.array(z.enum(DATA_LABELS)).optional(),
});

export const graphSchema = z.strictObject({
  nodes: z.array(nodeSchema).min(1).max(MAX_NODES),
  edges: z.array(edgeSchema).max(MAX_EDGES),
  settings: settingsSchema.optional(),
});

export type Graph = z.infer<typeof graphSchema>;
export type GraphNode = Graph["nodes"][number];
export type GraphEdge = Graph["edges"][number];
export type RetryPolicy = z.infer<typeof retrySchema>;

/**
 * One fault of a graph. `path` leads to it by dots (`nodes.2.data.config.when`), `nodeId` where it is one node's,
 * `position` counts characters from 0 in the text found there, for a fault inside an expression.
 */
export type GraphProblem = {
  nodeId?: string;
  path: string;
  code: string;
  message: string;
  position?: number;
};
