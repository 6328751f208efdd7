// The node types as GET /api/node-types and the editor's palette show them.
import { z } from "zod";
import type { LiteralFields, NodeDefinition } from "#core/domain/node.ts";
import { nodeDefinitions } from "./definitions.ts";

export type NodeTypeDescription = {
  type: string;
  title: string;
  category: NodeDefinition["category"];
  description: string;
  /** JSON Schema, draft 2020-12, of the config after its expressions are evaluated. */
  configSchema: Record<string, unknown>;
  inputs: readonly string[];
  /** Where they depend on the config, those of an empty config. */
  outputs: readonly string[];
  outputsFromConfig?: true;
  /** Slot → credential types it takes. */
  credentialTypes: Readonly<Record<string, readonly string[]>>;
  /** Where it depends on the config, that of an empty config. */
  effects: "pure" | "idempotent" | "effectful";
  effectsFromConfig?: true;
  /** Config keys whose text is taken as written, `{{` included, with their language; none for most types. */
  literalFields: LiteralFields;
};

/** In the order of the palette. About 1 ms for the lot: keep the answer, it never changes. */
export function describeNodeTypes(): NodeTypeDescription[] {
  return [...nodeDefinitions.values()].map(describeNodeType);
}

function describeNodeType(definition: NodeDefinition): NodeTypeDescription {
  const { type, title, category, description, config, inputs, outputs, effect, credentials } = definition;
  return {
    type,
    title,
    category,
    description,
    configSchema: z.toJSONSchema(config, { target: "draft-2020-12", io: "input", unrepresentable: "any" }),
    inputs,
    outputs: typeof outputs === "function" ? outputs({}) : outputs,
    ...(typeof outputs === "function" && { outputsFromConfig: true }),
    credentialTypes: credentials ?? {},
    effects: typeof effect === "function" ? effect({}) : effect,
    ...(typeof effect === "function" && { effectsFromConfig: true }),
    literalFields: definition.literal ?? {},
  };
}
