// What the workspace routes take and answer, as the OpenAPI document shows it.
import { z } from "zod";
import { WORKSPACE_ROLES } from "#core/domain/roles.ts";
import { emailAddress } from "./auth-schemas.ts";

const MAX_HOURS = 30 * 24;
const DEFAULT_HOURS = 7 * 24;

export const roleSchema = z.enum(WORKSPACE_ROLES);
export const workspaceName = z.string().trim().min(1).max(200);

export const workspaceSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  role: roleSchema.describe("Your own"),
  personal: z.boolean(),
  requireTotp: z.boolean().describe("Every member needs a second factor"),
  auditReads: z.boolean().describe("Every read of its executions and files is in its audit log"),
  memberCount: z.int(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});

export const memberSchema = z.object({
  userId: z.uuid(),
  email: z.string(),
  name: z.string(),
  role: roleSchema,
  disabled: z.boolean(),
  joinedAt: z.iso.datetime(),
});

export const memberParams = z.strictObject({ id: z.uuid(), userId: z.uuid() });
export const invitationParams = z.strictObject({ id: z.uuid(), invitationId: z.uuid() });

const expiresInHours = z.int().min(1).max(MAX_HOURS).default(DEFAULT_HOURS);

export const inviteBody = z.strictObject({ email: emailAddress, role: roleSchema, expiresInHours });
export const inviteToInstanceBody = z.strictObject({ email: emailAddress, expiresInHours });

export const invitationSchema = z.object({
  id: z.uuid(),
  email: z.string(),
  role: roleSchema.nullable().describe("Null: to the instance"),
  status: z
    .enum(["pending", "accepted", "expired", "void"])
    .describe("void: who made it is no owner any more"),
  invitedBy: z.uuid(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  acceptedAt: z.iso.datetime().nullable(),
});

export const sentInvitationSchema = invitationSchema.extend({
  url: z.string().describe("For the invited person, shown this once; works once"),
  mailed: z.boolean().describe("The mail server took it for them, too"),
});
