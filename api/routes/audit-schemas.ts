// What the audit log's routes take and give.
import { z } from "zod";
import { instant } from "../routing/instant.ts";

export const chainQuery = {
  workspaceId: z.uuid().optional().describe("Default: your personal workspace"),
  chain: z
    .enum(["instance"])
    .optional()
    .describe("The instance's own chain instead of a workspace's; for its administrators"),
};

const text = (most: number) => z.string().min(1).max(most);

export const filterQuery = {
  actorId: z.uuid().optional(),
  action: text(100).optional().describe("As it is written: workflow.created"),
  targetId: text(200).optional(),
  targetType: text(100).optional(),
  from: instant.optional().describe("At or after"),
  to: instant.optional().describe("Before"),
  q: text(500)
    .optional()
    .describe("Whole words, all of which stand in the action, the target or the details"),
};

export const auditLogSchema = z.object({
  id: z.uuid(),
  at: z.iso.datetime(),
  actorId: z.uuid().nullable(),
  actorName: z.string().nullable().describe("Only while that person is a member of the workspace"),
  actorEmail: z.string().nullable(),
  action: z.string(),
  targetType: z.string(),
  targetId: z.string().nullable(),
  details: z.unknown().describe("null also when they were erased"),
  seq: z.int(),
  hash: z.string().describe("SHA-256 in hex over the entry before and this one"),
});
