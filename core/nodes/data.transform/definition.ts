// Makes a new value out of what is there.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

export const dataTransform = defineNode({
  type: "data.transform",
  title: "Transform",
  category: "data",
  description: "Makes a new value: text, number, list or object, with expressions anywhere in it.",
  config: z.strictObject({ value: z.unknown().describe("The output of the node") }),
  inputs: ["in"],
  outputs: ["out"],
  effect: "pure",
});
