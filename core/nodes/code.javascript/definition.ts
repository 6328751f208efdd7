// A script of the author's own.
import { z } from "zod";
import { defineNode } from "#core/domain/node.ts";

/** 256 KB where most characters are plain. */
export const MAX_SOURCE_LENGTH = 262_144;

const configSchema = z.strictObject({
  source: z
    .string()
    .min(1)
    .max(MAX_SOURCE_LENGTH)
    .describe(
      "The body of an async function in strict mode, with input, nodes, item, index, trigger and execution in scope; " +
        "what it returns is the output, as JSON. Taken as written: {{ is no expression here",
    ),
  timeoutMs: z.int().min(1).max(60_000).default(5_000).describe("How long the script may take"),
});

export type JavascriptConfig = z.infer<typeof configSchema>;

export const codeJavascript = defineNode({
  type: "code.javascript",
  title: "JavaScript",
  category: "code",
  description:
    "Runs a script over the data of the execution. It reaches nothing else: no network, files, modules or timers; " +
    "Date and Math.random give the same on every run of the execution.",
  config: configSchema,
  inputs: ["in"],
  outputs: ["out"],
  effect: "pure",
  literal: { source: "javascript" },
});
