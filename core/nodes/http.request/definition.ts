// An HTTP call to another system.
import { z } from "zod";
import { HTTP_CREDENTIALS } from "#core/domain/credential-types.ts";
import { defineNode, type EffectClass } from "#core/domain/node.ts";

const scalarSchema = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: "must be a text, number or boolean (null leaves it out)",
});

const configSchema = z.strictObject({
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]).default("GET"),
  url: z.string().min(1).describe("Absolute, http or https"),
  headers: z.record(z.string(), scalarSchema).optional().describe("null leaves a header out"),
  query: z
    .record(z.string(), z.union([scalarSchema, z.array(scalarSchema)]))
    .optional()
    .describe("Added to the URL; a list repeats its name, null is left out"),
  body: z.unknown().optional().describe("A text goes out as it is, everything else as JSON"),
  repeatable: z
    .boolean()
    .default(true)
    .describe(
      "false: when nobody knows whether the call was taken (a crash, a time-out, a lost line) a person decides " +
        "whether it goes out again",
    ),
  timeoutMs: z.int().min(1).max(86_400_000).default(30_000),
  failOnStatus: z.boolean().default(true).describe("false: a status of 400 or more is a normal output"),
});

export type HttpRequestConfig = z.infer<typeof configSchema>;

export const httpRequest = defineNode({
  type: "http.request",
  title: "HTTP request",
  category: "network",
  description: "Calls another system over HTTP; outputs {status, headers, body}.",
  config: configSchema,
  inputs: ["in"],
  outputs: ["out"],
  effect: effectOf,
  credentials: { auth: HTTP_CREDENTIALS },
  address: ({ url }) => (typeof url === "string" ? url : undefined),
});

/** Sent again under the same Idempotency-Key unless the author says that the other side cannot take it twice. */
function effectOf({ repeatable }: Readonly<Record<string, unknown>>): EffectClass {
  // As drawn it may be an expression: what is not known to be repeatable is not repeated.
  return repeatable === undefined || repeatable === true ? "idempotent" : "effectful";
}
