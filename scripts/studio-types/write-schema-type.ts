// A JSON schema as a TypeScript type on one line.

export type JsonSchema = {
  type?: string | readonly string[];
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly JsonSchema[];
  oneOf?: readonly JsonSchema[];
  allOf?: readonly JsonSchema[];
  items?: JsonSchema;
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
  additionalProperties?: boolean | JsonSchema;
};

const SIMPLE: Readonly<Record<string, string>> = {
  string: "string",
  number: "number",
  integer: "number",
  boolean: "boolean",
  null: "null",
};

/** What has no type of its own (`{}`) is unknown. */
export function writeSchemaType(schema: JsonSchema): string {
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return union(choices.map(writeSchemaType));
  if (schema.allOf) return schema.allOf.map((part) => `(${writeSchemaType(part)})`).join(" & ");
  if (typeof schema.type === "object")
    return union(schema.type.map((type) => writeSchemaType({ ...schema, type })));
  if (schema.type === "array") return `ReadonlyArray<${writeSchemaType(schema.items ?? {})}>`;
  if (schema.type === "object") return writeObject(schema);
  return SIMPLE[schema.type ?? ""] ?? "unknown";
}

function writeObject({ properties = {}, required = [], additionalProperties }: JsonSchema): string {
  const fields = Object.entries(properties).map(([name, schema]) => {
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    return `${key}${required.includes(name) ? "" : "?"}: ${writeSchemaType(schema)}`;
  });
  if (fields.length > 0) return `{ ${fields.join("; ")} }`;
  const values = typeof additionalProperties === "object" ? writeSchemaType(additionalProperties) : "unknown";
  return `Record<string, ${values}>`;
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(" | ");
}
