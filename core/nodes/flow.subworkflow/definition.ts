// Runs another workflow of the same workspace as an execution of its own.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

const configSchema = z.strictObject({
  workflowId: z.uuid().describe("A workflow of the same workspace"),
  version: z.int().min(1).optional().describe("Its current version when left out"),
  input: z.unknown().optional().describe("The input of its execution"),
});

export type SubworkflowConfig = z.infer<typeof configSchema>;

export const flowSubworkflow = defineNode({
  type: "flow.subworkflow",
  title: "Sub-workflow",
  category: "flow",
  description:
    "Runs another workflow and waits for its end without a worker; its output is the node's output.",
  config: configSchema,
  inputs: ["in"],
  outputs: ["out"],
  // Its execution is made with the step. What goes out inside of it goes out under the key of this one.
  effect: "idempotent",
});
