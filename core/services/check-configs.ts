// Checks each node's config at save by its schema, as far as it is literal.
import type { z } from "zod";
import { configOf, type DrawnGraph, type DrawnNode, isRecord } from "../domain/drawn-graph.ts";
import type { GraphProblem } from "../domain/graph.ts";
import { describeIssue, issuePath } from "../domain/schema-problems.ts";
import { containsExpression } from "../expression/template.ts";

/** Codes `missing_config`, `unknown_config`, `bad_config`. */
export function checkConfigs({ nodes }: DrawnGraph): GraphProblem[] {
  return nodes.flatMap(schemaProblems);
}

function schemaProblems({ index, node, definition }: DrawnNode): GraphProblem[] {
  if (!definition) return [];
  const config = configOf(node);
  const checked = definition.config.safeParse(config);
  if (checked.success) return [];
  return checked.error.issues
    .filter((issue) => !dependsOnExpression(config, issue))
    .flatMap((issue) =>
      describeIssue(issue, config).map(({ path, kind, message }) => ({
        nodeId: node.id,
        path: issuePath(`nodes.${index}.data.config`, path),
        code: `${kind}_config`,
        message: `${definition.type}: ${message}`,
      })),
    );
}

/** What an expression will come to is not known at save; the node checks it again before it runs. */
function dependsOnExpression(config: unknown, issue: z.core.$ZodIssue): boolean {
  let value = config;
  for (const key of issue.path) {
    if (isExpression(value)) return true;
    value = memberOf(value, key);
  }
  if (isExpression(value)) return true;
  // Whether one of several forms fits may hang on an expression inside; that a key is unknown does not.
  const hangsOnContent = issue.code === "invalid_union" || issue.code === "custom";
  return hangsOnContent && holdsExpression(value);
}

function memberOf(value: unknown, key: PropertyKey): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  return isRecord(value) && Object.hasOwn(value, key) ? value[String(key)] : undefined;
}

function isExpression(value: unknown): boolean {
  return typeof value === "string" && containsExpression(value);
}

function holdsExpression(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isExpression(value);
  return Object.values(value).some(holdsExpression);
}
