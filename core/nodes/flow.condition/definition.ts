// Two ways on, by a condition.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

export const flowCondition = defineNode({
  type: "flow.condition",
  title: "Condition",
  category: "flow",
  description: "Goes on by port true or false. Empty text, 0, null, empty lists and objects count as false.",
  config: z.strictObject({ when: z.unknown().describe("What decides, as a rule one {{ expression }}") }),
  inputs: ["in"],
  outputs: ["true", "false"],
  effect: "pure",
});
