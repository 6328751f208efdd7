// What webhooks look like on the wire: token and secret only where they are made.
import { z } from "zod";
import { isHeaderName } from "#core/domain/refused-headers.ts";
import { ID_HEADERS } from "#core/domain/webhooks/delivery-id.ts";
import {
  DEFAULT_OVERLAP_SECONDS,
  MAX_OVERLAP_SECONDS,
  VERIFY_TYPES,
  WEBHOOK_STYLES,
} from "#core/domain/webhooks/webhook.ts";
import { pageQuery } from "../routing/pagination.ts";

const name = z.string().trim().max(200);
const trigger = z.string().min(1).max(100);
const secret = z
  .string()
  .min(6)
  .max(512)
  .regex(/^\P{Cc}+$/u, "No control characters")
  .describe("What the sender signs with; made here unless given");
const header = z
  .string()
  .max(100)
  .refine(isHeaderName, "The name of a header")
  .transform((text) => text.toLowerCase())
  .refine((name) => !ID_HEADERS.includes(name), "Deliveries have their id there, which everybody may read");

const verify = z
  .strictObject({
    type: z.enum(VERIFY_TYPES).describe("none accepts whatever comes to the address"),
    style: z.enum(WEBHOOK_STYLES).default("generic").describe("Whose way of signing; hmac-sha256 only"),
    secret: secret.optional(),
    header: header.optional().describe("Where signature or secret stands, if not where it is usual"),
    timestampHeader: header
      .optional()
      .describe("generic only: seconds since 1970, signed as TIMESTAMP.BODY; at most 300 s off"),
  })
  .superRefine(({ type, style, timestampHeader, header: named }, context) => {
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if (style !== "generic" && type !== "hmac-sha256") refuse("style", "A style goes with hmac-sha256 only");
    if (timestampHeader !== undefined && (type !== "hmac-sha256" || style !== "generic"))
      refuse("timestampHeader", "It goes with hmac-sha256 of the style generic only");
    if (named !== undefined && type === "none") refuse("header", "Nothing is verified");
  })
  .transform(({ header: named, timestampHeader, ...rest }) => ({
    ...rest,
    header: named ?? null,
    timestampHeader: timestampHeader ?? null,
  }));

export const createWebhookBody = z.strictObject({
  workflowId: z.uuid(),
  name: name.default(""),
  trigger: trigger
    .optional()
    .describe("The trigger node to start at; its only trigger.webhook unless given, else its default one"),
  verify,
});

export const updateWebhookBody = z.strictObject({
  name: name.optional(),
  trigger: trigger.nullable().optional(),
  enabled: z.boolean().optional(),
});

export const rotateWebhookBody = z
  .strictObject({
    secret: secret.optional(),
    overlapSeconds: z
      .int()
      .min(0)
      .max(MAX_OVERLAP_SECONDS)
      .default(DEFAULT_OVERLAP_SECONDS)
      .describe("For how long the secret so far is good too"),
  })
  .default({ overlapSeconds: DEFAULT_OVERLAP_SECONDS });

export const listWebhooksQuery = z.strictObject({
  ...pageQuery,
  workspaceId: z.uuid().optional(),
  workflowId: z.uuid().optional(),
});
export const listDeliveriesQuery = z.strictObject(pageQuery);

const time = z.iso.datetime();

export const webhookSchema = z.object({
  id: z.uuid(),
  workspaceId: z.uuid(),
  workflowId: z.uuid(),
  ownerId: z.uuid().describe("In whose name its executions run"),
  editors: z
    .array(z.uuid())
    .describe(
      "Who else has changed what it starts, and who owned it before: requesters for excludeRequester",
    ),
  name: z.string(),
  trigger: z.string().nullable(),
  enabled: z.boolean(),
  verify: z.object({
    type: z.enum(VERIFY_TYPES),
    style: z.enum(WEBHOOK_STYLES),
    header: z.string().nullable(),
    timestampHeader: z.string().nullable(),
  }),
  previousSecretUntil: time.nullable().describe("Until when the secret before this one is good too"),
  problem: z
    .enum(["owner_may_not_run", "workflow_archived", "no_secret"])
    .nullable()
    .describe("Why every delivery is refused just now"),
  createdAt: time,
  updatedAt: time,
});

const shownOnce = {
  secret: z.string().optional().describe("Shown this once; not where nothing is verified"),
};

export const madeWebhookSchema = webhookSchema.extend({
  url: z.string().describe("Where to deliver"),
  token: z.string().describe("The last part of the address; shown this once"),
  ...shownOnce,
});
export const rotatedWebhookSchema = webhookSchema.extend(shownOnce);

export const deliverySchema = z.object({
  id: z.uuid(),
  deliveryId: z.string().nullable().describe("What its sender calls it"),
  outcome: z.enum(["accepted", "repeated", "refused"]),
  reason: z.string().nullable().describe("Why it was refused"),
  times: z.int().describe("Of refused ones: how many for this reason within the hour"),
  executionId: z.uuid().nullable(),
  receivedAt: time.describe("Of refused ones: the last"),
});
