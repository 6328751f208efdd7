// /api/approvals: what waits for people's word, and their word.
import { z } from "zod";
import { APPROVAL_STATUSES, MAX_COMMENT } from "#core/domain/approval.ts";
import type { ApprovalService } from "#core/services/executions/approvals.ts";
import { encodeCursor, pageOf, pageQuery } from "../routing/pagination.ts";
import { idParams } from "../routing/params.ts";
import { defineRoute, type Route } from "../routing/route.ts";
import { readIdCursor } from "./id-page.ts";

const time = z.iso.datetime();
const status = z.enum(APPROVAL_STATUSES);
const decision = z.enum(["approve", "reject"]);

const approvalSchema = z.object({
  id: z.uuid(),
  workspaceId: z.uuid(),
  executionId: z.uuid(),
  workflowId: z.uuid(),
  workflowName: z.string().nullable(),
  nodeId: z.string(),
  iteration: z.string(),
  attempt: z.int(),
  status,
  message: z.string(),
  approvers: z
    .array(z.string())
    .describe("E-mail addresses and role:…; nobody named: whoever may run executions"),
  quorum: z.int(),
  decisions: z.array(
    z.object({
      userId: z.uuid(),
      email: z.string().nullable(),
      decision,
      comment: z.string().nullable(),
      at: time,
    }),
  ),
  salt: z.uuid().describe("The key of messageHmac and commentHmac (HMAC-SHA256, hex) in the audit log"),
  mayDecide: z.boolean().describe("Whether the caller may decide now"),
  deadline: time.nullable(),
  createdAt: time,
  decidedAt: time.nullable(),
});

const decidedSchema = z.object({
  id: z.uuid(),
  status: status.describe("pending while further approvals are missing"),
  approvals: z.int(),
  quorum: z.int(),
});

const listQuery = z.strictObject({
  ...pageQuery,
  status: status.optional(),
  workspaceId: z.uuid().optional(),
  executionId: z.uuid().optional(),
  mine: z.enum(["true", "false"]).optional().describe("true: only what the caller may decide now"),
});

const decideBody = z.strictObject({
  decision,
  comment: z.string().trim().min(1).max(MAX_COMMENT).optional(),
});

export function createApprovalRoutes({ approvals }: { approvals: ApprovalService }): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/approvals",
      summary: "List what people were asked to approve, newest first",
      tag: "Approvals",
      action: "approval:read",
      query: listQuery,
      replies: { 200: { description: "One page", schema: pageOf(approvalSchema) } },
      async handle({ actor, query: { cursor, mine, ...filter } }) {
        const page = { ...filter, mine: mine === "true", before: readIdCursor(cursor) };
        const { items, more } = await approvals.list(actor, page);
        const last = more ? items.at(-1) : undefined;
        return { status: 200, body: { items, nextCursor: last ? encodeCursor([last.id]) : null } };
      },
    }),
    defineRoute({
      method: "post",
      path: "/api/approvals/:id",
      summary: "Approve or reject, once per person; an API key needs the scope approve",
      tag: "Approvals",
      action: "approval:decide",
      params: idParams,
      body: decideBody,
      replies: { 200: { description: "Decided, and in the audit log", schema: decidedSchema } },
      async handle({ actor, params, body: { decision, comment = null } }) {
        return { status: 200, body: await approvals.decide(actor, params.id, { decision, comment }) };
      },
    }),
  ];
}
