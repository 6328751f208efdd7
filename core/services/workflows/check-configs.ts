// Checks each node's config at save by its schema, as far as it is literal.
import type { z } from "zod";
import { configOf, type DrawnGraph, type DrawnNode } from "../../domain/drawn-graph.ts";
import type { GraphProblem } from "../../domain/graph.ts";
import type { NodeDefinition } from "../../domain/node.ts";
import { describeIssue, issuePath } from "../../domain/schema-problems.ts";
import { containsExpression } from "../../expression/template.ts";

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
    .filter((issue) => isLiteral(definition, issue) || !dependsOnExpression(config, issue))
    .flatMap((issue) =>
      describeIssue(issue, config).map(({ path, kind, message }) => ({
        nodeId: node.id,
        path: issuePath(`nodes.${index}.data.config`, path),
        code: `${kind}_config`,
        message: `${definition.type}: ${message}`,
      })),
    );
}

/** Where `{{` means nothing, nothing depends on it. */
function isLiteral({ literal = {} }: NodeDefinition, { path }: z.core.$ZodIssue): boolean {
  return Object.hasOwn(literal, String(path[0]));
}

/** What an expression will come to is not known at save; the node checks it again before it runs. */
function dependsOnExpression(config: unknown, issue: z.core.$ZodIssue): boolean {
  const value = issue.path.reduce(memberOf, config);
  if (isExpression(value)) return true;
  if (issue.code === "custom") return holdsExpression(value);
  // Some form may still fit when all that speaks against it are expressions inside.
  return (
    issue.code === "invalid_union" &&
    issue.errors.some((form) => form.length > 0 && form.every((inner) => dependsOnExpression(value, inner)))
  );
}

function memberOf(value: unknown, key: PropertyKey): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

function isExpression(value: unknown): boolean {
  return typeof value === "string" && containsExpression(value);
}

function holdsExpression(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isExpression(value);
  return Object.values(value).some(holdsExpression);
}
