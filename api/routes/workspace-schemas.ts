// What the workspace routes take and answer, as the OpenAPI document shows it.
import { z } from "zod";
import { WORKSPACE_ROLES } from "#core/domain/roles.ts";
import { instant } from "../routing/instant.ts";
import { code, emailAddress, knownPassword } from "./auth-schemas.ts";

const MAX_HOURS = 30 * 24;
const DEFAULT_HOURS = 7 * 24;

export const roleSchema = z.enum(WORKSPACE_ROLES);
export const workspaceName = z.string().trim().min(1).max(200);

export const maxConcurrency = z
  .int()
  .min(1)
  .max(10_000)
  .nullable()
  .describe("How many of its executions run at once; null: no limit");

export const maxQueued = z
  .int()
  .min(1)
  .max(1_000_000)
  .nullable()
  .describe("How many of its executions may be queued; null: as many as the instance says");

const keptDays = z.int().min(1).max(36_500).nullable();

export const retentionSchema = z.object({
  executionDays: keptDays.describe(
    "Executions with their steps go so many days after their end; null: never",
  ),
  payloadDays: keptDays.describe("What they held goes before, and they say so; null: with the execution"),
});

/** One line: it goes into the log. */
export const holdReason = z
  .string()
  .trim()
  .min(3)
  .max(500)
  .regex(/^\P{Cc}*$/u, "Write the reason in one line");

const legalHoldSchema = z.object({
  since: z.iso.datetime(),
  by: z.uuid().nullable(),
  reason: z.string(),
});

export const workspaceSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  role: roleSchema.describe("Your own"),
  personal: z.boolean(),
  requireTotp: z.boolean().describe("Every member needs a second factor"),
  auditReads: z.boolean().describe("Every read of its executions and files is in its audit log"),
  maxConcurrency,
  maxQueued,
  retention: retentionSchema,
  legalHold: legalHoldSchema
    .nullable()
    .describe("While it stands no execution, step or file is deleted, and nobody of it erased"),
  memberCount: z.int(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});

export const emergencySchema = z.object({
  reason: z.string(),
  since: z.iso.datetime(),
  until: z.iso.datetime(),
});

export const memberSchema = z.object({
  userId: z.uuid(),
  email: z.string(),
  name: z.string(),
  role: roleSchema,
  disabled: z.boolean(),
  joinedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable().describe("Out from then on; null: no end"),
  emergency: emergencySchema.nullable().describe("An administrator of the instance who let themselves in"),
});

/** One line: it goes into a mail and a log. */
const reason = z
  .string()
  .trim()
  .min(10)
  .max(500)
  .regex(/^\P{Cc}*$/u, "Write the reason in one line");

export const emergencyBody = z.strictObject({
  reason,
  minutes: z.int().min(5).max(240).default(60),
  role: z.enum(["viewer", "operator", "editor"]).default("viewer"),
  password: knownPassword.optional().describe("Yours; not needed where you send a code"),
  totp: code.optional().describe("A code of your second factor, where you have one"),
});

export const openedEmergencySchema = emergencySchema.extend({
  userId: z.uuid(),
  role: roleSchema,
  ownersMailed: z.int().describe("How many owners' mails the mail server took"),
});

export const memberParams = z.strictObject({ id: z.uuid(), userId: z.uuid() });
export const invitationParams = z.strictObject({ id: z.uuid(), invitationId: z.uuid() });

const expiresInHours = z.int().min(1).max(MAX_HOURS).default(DEFAULT_HOURS);

export const inviteBody = z.strictObject({
  email: emailAddress,
  role: roleSchema,
  expiresInHours,
  membershipExpiresAt: instant.optional().describe("The membership ends then, within a year; not an owner's"),
});
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
  membershipExpiresAt: z.iso.datetime().nullable().describe("When the membership ends that it leads to"),
});

export const sentInvitationSchema = invitationSchema.extend({
  url: z.string().describe("For the invited person, shown this once; works once"),
  mailed: z.boolean().describe("The mail server took it for them, too"),
});
