// A start by a webhook.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

export const triggerWebhook = defineNode({
  type: "trigger.webhook",
  title: "Webhook",
  category: "trigger",
  description:
    "Starts the workflow when its webhook is called; its output is the body that was sent, and `trigger` has the headers and the query.",
  config: z.strictObject({}),
  inputs: [],
  outputs: ["out"],
  effect: "pure",
});
