// Brings branches together.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

export const flowMerge = defineNode({
  type: "flow.merge",
  title: "Merge",
  category: "flow",
  description:
    "Waits for every branch that is still alive. One branch: its output; several: an object by node id.",
  config: z.strictObject({}),
  inputs: ["in"],
  outputs: ["out"],
  effect: "pure",
});
