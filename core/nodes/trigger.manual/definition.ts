// A start by hand or over the API.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

export const triggerManual = defineNode({
  type: "trigger.manual",
  title: "Manual start",
  category: "trigger",
  description: "Starts the workflow by hand or over the API; its output is the execution's input.",
  config: z.strictObject({}),
  inputs: [],
  outputs: ["out"],
  effect: "pure",
});
