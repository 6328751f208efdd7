// One statement on a PostgreSQL database of the author's.
import { z } from "zod";
import { DATABASE_CREDENTIALS } from "#core/domain/credential-types.ts";
import { defineNode, type EffectClass } from "#core/domain/node.ts";

const MAX_QUERY_LENGTH = 100_000;

const configSchema = z.strictObject({
  query: z
    .string()
    .min(1)
    .max(MAX_QUERY_LENGTH)
    .refine((query) => !query.includes("{{"), {
      error:
        "takes no {{ }}: write $1, $2, … where a value belongs and put its expression into params, so that data " +
        "never becomes SQL (an array of arrays is array[[1,2],[3,4]])",
    })
    .describe("One SQL statement; $1, $2, … stand for the values of params. Taken as written, without {{ }}"),
  params: z
    .array(z.unknown())
    .max(1_000)
    .default([])
    .describe(
      "Values of $1, $2, …: text, number, boolean or null as they are, a list as a PostgreSQL array " +
        "(where id = any($1)), an object as JSON",
    ),
  mode: z
    .enum(["read", "write"])
    .default("read")
    .describe(
      "read: in a read-only transaction that is rolled back; write: committed, or parked when nobody knows whether it was",
    ),
  maxRows: z.int().min(1).max(10_000).default(1_000).describe("With more rows than that the node fails"),
  timeoutMs: z.int().min(1).max(3_600_000).default(30_000).describe("From the connection to the last row"),
});

export type SqlQueryConfig = z.infer<typeof configSchema>;

export const sqlQuery = defineNode({
  type: "sql.query",
  title: "SQL query",
  category: "data",
  description:
    "Runs one statement on a PostgreSQL database; outputs {rows, rowCount}, each row an object by column name. " +
    "Whole numbers are numbers, bigint beyond 2^53 and numeric are text with all digits; json is JSON, arrays are " +
    "lists; timestamptz is ISO 8601 in UTC, timestamp, date and time the same without a zone, interval an ISO 8601 " +
    "duration; bytea is base64; everything else is the text PostgreSQL shows. The session's time zone is UTC.",
  config: configSchema,
  inputs: ["in"],
  outputs: ["out"],
  effect: effectOf,
  credentials: { postgres: DATABASE_CREDENTIALS },
  literal: { query: "sql" },
});

/** As drawn the mode may be an expression: what is not known to read only is not repeated. */
function effectOf({ mode }: Readonly<Record<string, unknown>>): EffectClass {
  return mode === undefined || mode === "read" ? "idempotent" : "effectful";
}
