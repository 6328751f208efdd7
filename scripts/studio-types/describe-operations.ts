// The calls of the interface that the Studio makes, as types: one line each, from the OpenAPI document.
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { type JsonSchema, writeSchemaType } from "./write-schema-type.ts";

type Content = Readonly<Record<string, { schema?: JsonSchema }>>;
type Parameter = { name: string; in: string; required: boolean; schema: JsonSchema };
type Operation = {
  parameters?: readonly Parameter[];
  requestBody?: { required: boolean; content: Content };
  responses: Readonly<Record<string, { content?: Content }>>;
};
export type OpenApiDocument = { paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

const CALL = /"((?:GET|POST|PUT|PATCH|DELETE) \/[^"\s]*)"/g;

/** Every call that is written as a text in the Studio's sources: `"GET /api/workflows/{id}"`. */
export function findCalls(studio: string): string[] {
  const files = globSync("src/**/*.{ts,tsx}", { cwd: studio }).filter(
    (file) => !file.endsWith("operations.ts"),
  );
  const texts = files.map((file) => readFileSync(path.join(studio, file), "utf8"));
  return [...new Set(texts.flatMap((text) => [...text.matchAll(CALL)].map(([, call = ""]) => call)))].sort();
}

/** The text of operations.ts. Throws for a call that the document does not know. */
export function describeOperations(document: OpenApiDocument, calls: readonly string[]): string {
  const lines = calls.map((call) => {
    const [method = "", place = ""] = call.split(" ");
    const operation = document.paths[place]?.[method.toLowerCase()];
    if (!operation) throw new Error(`The Studio calls ${call}, which the OpenAPI document does not describe`);
    return `  ${JSON.stringify(call)}: { ${describe(operation)} };`;
  });
  return [
    "// The calls the Studio makes, written from the OpenAPI document by `npm run studio:types`; not to be edited.",
    "",
    "export type Operations = {",
    ...lines,
    "};",
    "",
  ].join("\n");
}

function describe({ parameters = [], requestBody, responses }: Operation): string {
  const parts = [
    parametersOf("params", "path", parameters),
    parametersOf("query", "query", parameters),
    requestBody && `body${requestBody.required ? "" : "?"}: ${contentType(requestBody.content)}`,
    `reply: ${replyOf(responses)}`,
  ];
  return parts.filter(Boolean).join("; ");
}

function parametersOf(name: string, place: string, parameters: readonly Parameter[]): string | null {
  const own = parameters.filter((parameter) => parameter.in === place);
  if (own.length === 0) return null;
  // In the address every value is a text, whatever the schema turns it into.
  const fields = own.map(({ name: key, required, schema }) => {
    const type = schema.enum ? writeSchemaType(schema) : "string";
    return `${key}${required && !("default" in schema) ? "" : "?"}: ${type}`;
  });
  return `${name}${own.some(({ required }) => required) ? "" : "?"}: { ${fields.join("; ")} }`;
}

function replyOf(responses: Operation["responses"]): string {
  const good = Object.entries(responses).filter(([status]) => /^2/.test(status));
  const types = good.map(([, { content }]) => (content ? contentType(content) : "null"));
  return [...new Set(types)].join(" | ");
}

function contentType(content: Content): string {
  const schema = content["application/json"]?.schema;
  return schema ? writeSchemaType(schema) : "unknown";
}
