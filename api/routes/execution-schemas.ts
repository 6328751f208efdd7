// What executions look like on the wire.
import { z } from "zod";
import { DATA_LABELS } from "#core/domain/data-labels.ts";
import { EXECUTION_STATUSES } from "#core/domain/execution.ts";
import { instant } from "../routing/instant.ts";

const time = z.iso.datetime();

export const executionSummarySchema = z.object({
  id: z.uuid(),
  workspaceId: z.uuid(),
  workflowId: z.uuid(),
  version: z.int(),
  status: z.enum(EXECUTION_STATUSES),
  retryOf: z.uuid().nullable(),
  forkOf: z.uuid().nullable(),
  parentId: z.uuid().nullable(),
  createdAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
});

export const executionSchema = executionSummarySchema.extend({
  trigger: z.record(z.string(), z.unknown()),
  input: z.unknown(),
  output: z.unknown(),
  error: z
    .object({ code: z.string(), message: z.string(), nodeId: z.string().optional() })
    .loose()
    .nullable(),
  pendingDecisions: z
    .array(z.object({ nodeId: z.string(), iteration: z.string() }))
    .describe("Effects in doubt that people decide on; POST …/steps/decide"),
  pendingApprovals: z
    .array(z.object({ id: z.uuid(), nodeId: z.string(), iteration: z.string() }))
    .describe("What people are asked just now; GET /api/approvals?executionId=…"),
  recovering: z.boolean().optional().describe("True while its worker is lost and no other has taken it over"),
  payloadExpiredAt: time
    .optional()
    .describe("Since when its payload is gone: trigger, input and output are empty, the error is its code"),
});

export const acceptedSchema = z.object({
  id: z.uuid(),
  workflowId: z.uuid(),
  version: z.int(),
  status: z.enum(EXECUTION_STATUSES),
});

export const stepSchema = z.object({
  nodeId: z.string(),
  nodeType: z.string(),
  iteration: z.string(),
  attempt: z.int(),
  status: z.enum(["running", "waiting", "succeeded", "failed", "cancelled", "unknown"]),
  seq: z.int(),
  port: z.string().nullable(),
  input: z.unknown(),
  output: z.unknown(),
  error: z.unknown(),
  copiedFrom: z.uuid().nullable(),
  startedAt: time,
  finishedAt: time.nullable(),
  payloadExpiredAt: time.optional().describe("As of its execution: input and output are gone"),
});

const nodeId = z.string().min(1).max(100);
// A version is an int in PostgreSQL.
const version = z.int().min(1).max(2_147_483_647);

export const forkBody = z.strictObject({
  fromNode: nodeId.describe("It and what it leads to runs; all else that had finished is copied as it was"),
  input: z.unknown().optional().describe("Instead of the old input; what is copied stays as it was"),
  version: version.optional().describe("Another version of the same workflow: nodes that changed run again"),
});

export const decisionBody = z
  .strictObject({
    nodeId,
    iteration: z.string().max(200).default(""),
    decision: z.enum(["retry", "skip", "fail"]),
    output: z.unknown().optional().describe("What the node is taken to have made; with skip only"),
  })
  .refine(({ decision, output }) => decision === "skip" || output === undefined, {
    path: ["output"],
    message: "An output goes with skip only",
  });

const submission = {
  trigger: z.string().max(100).optional().describe("The trigger node to start at"),
  version: version.optional(),
  priority: z.int().min(0).max(10).optional().describe("Higher goes first"),
  runAt: instant.optional().describe("Not before this time"),
  labels: z.array(z.enum(DATA_LABELS)).max(4).optional(),
};

export const submitBody = z.strictObject({ input: z.unknown().optional(), ...submission }).optional();
export const batchBody = z.strictObject({ inputs: z.array(z.unknown()).min(1).max(1_000), ...submission });
