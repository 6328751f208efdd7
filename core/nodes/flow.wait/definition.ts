// Goes on later, without holding a worker meanwhile.
import { z } from "zod";
import { MAX_WAIT_MS } from "#core/domain/execution.ts";
import { defineNode } from "#core/domain/node.ts";

const configSchema = z
  .strictObject({
    ms: z.int().min(0).max(MAX_WAIT_MS).optional().describe("Milliseconds to wait, at most a year"),
    until: z.iso
      .datetime({ offset: true })
      .optional()
      .describe("The time to go on at, such as 2030-01-31T08:00:00Z; one that has passed waits for nothing"),
  })
  .refine(({ ms, until }) => (ms === undefined) !== (until === undefined), {
    error: "either ms or until says how long to wait, and not both",
  });

export type WaitConfig = z.infer<typeof configSchema>;

export const flowWait = defineNode({
  type: "flow.wait",
  title: "Wait",
  category: "flow",
  description:
    "Goes on after so many milliseconds, or at a time. Counted on the database's clock from its first start.",
  config: configSchema,
  inputs: ["in"],
  outputs: ["out"],
  effect: "pure",
});
