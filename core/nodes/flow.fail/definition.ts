// Ends the execution as failed, on purpose.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

export const flowFail = defineNode({
  type: "flow.fail",
  title: "Fail",
  category: "flow",
  description: "Fails the execution with a message of your own.",
  config: z.strictObject({ message: z.string().min(1).describe("What people read as the error") }),
  inputs: ["in"],
  outputs: [],
  effect: "pure",
});
