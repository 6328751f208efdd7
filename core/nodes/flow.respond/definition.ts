// Answers the caller of the webhook while the workflow goes on.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";
import { findHeaderFaults, isAllowedStatus } from "#core/domain/webhooks/hook-response.ts";

const headers = z.record(z.string(), z.unknown()).superRefine((value, context) => {
  for (const message of findHeaderFaults(value)) context.addIssue({ code: "custom", message });
});

export const flowRespond = defineNode({
  type: "flow.respond",
  title: "Respond",
  category: "flow",
  description:
    "Answers the caller of the webhook that started the workflow; the first one to run counts. What follows runs on.",
  config: z.strictObject({
    status: z
      .number()
      .refine(isAllowedStatus, "a status from 200 to 299 or 400 to 599")
      .optional()
      .describe("HTTP status, 200 unless given"),
    headers: headers
      .optional()
      .describe(
        "Content-Type, Content-Language, Retry-After, and names of your own that begin with X-Custom-, X-Hook-, X-Webhook- or X-Workflow-",
      ),
    body: z.unknown().optional().describe("Text goes out as it is, anything else as JSON"),
  }),
  inputs: ["in"],
  outputs: ["out"],
  effect: "pure",
});
