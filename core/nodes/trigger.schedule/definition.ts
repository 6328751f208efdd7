// A start by a schedule.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

export const triggerSchedule = defineNode({
  type: "trigger.schedule",
  title: "Schedule",
  category: "trigger",
  description: "Starts the workflow when one of its schedules is due; its output is the schedule's input.",
  config: z.strictObject({}),
  inputs: [],
  outputs: ["out"],
  effect: "pure",
});
