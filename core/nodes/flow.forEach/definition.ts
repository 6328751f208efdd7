// Runs a part of the graph once per item.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

/** More belongs into several executions: every iteration's steps are kept. */
export const MAX_ITEMS = 10_000;

const configSchema = z.strictObject({
  items: z.unknown().describe("A list; anything else counts as one item, nothing as none"),
  concurrency: z.int().min(1).max(100).default(10).describe("How many items are worked on at once"),
});

export type ForEachConfig = z.infer<typeof configSchema>;

export const flowForEach = defineNode({
  type: "flow.forEach",
  title: "For each",
  category: "flow",
  description:
    "Runs what port item leads to once per item, with item and index in expressions; then goes on by port done " +
    "with the list of results, in the order of the items.",
  config: configSchema,
  inputs: ["in"],
  outputs: ["item", "done"],
  effect: "pure",
});
