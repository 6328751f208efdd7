// The OpenAPI 3.1 document, made from the very routes and schemas that check requests.
import { z } from "zod";
import type { Route } from "./route.ts";

type Json = Record<string, unknown>;

const PROBLEM_SCHEMA: Json = {
  type: "object",
  required: ["type", "title", "status", "code", "detail", "requestId"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string", description: "Stable, for programs" },
    detail: { type: "string", description: "For people" },
    errors: {
      type: "array",
      items: { type: "object", properties: { path: { type: "string" }, message: { type: "string" } } },
    },
    details: { type: "object" },
    requestId: { type: "string" },
  },
};

export function createOpenApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method]: describeOperation(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Atelier", version: "0.1.0", description: "Durable, audited workflows over HTTP." },
    servers: [{ url: "/" }],
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
      schemas: { Problem: PROBLEM_SCHEMA },
    },
  };
}

function describeOperation(route: Route): Json {
  const operation: Json = {
    summary: route.summary,
    tags: [route.tag],
    security: route.action === "public" ? [] : [{ bearer: [] }],
    "x-action": route.action,
    responses: describeReplies(route),
  };
  const parameters = [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)];
  if (parameters.length > 0) operation.parameters = parameters;
  const body = requestBody(route);
  if (body) operation.requestBody = body;
  return operation;
}

function pathParameters(route: Route): Json[] {
  const schemas = propertiesOf(route.params);
  return [...route.path.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: schemas[name] ?? { type: "string" },
  }));
}

function queryParameters(route: Route): Json[] {
  const required = route.query
    ? (toJsonSchema(route.query, "input").required as string[] | undefined)
    : undefined;
  return Object.entries(propertiesOf(route.query)).map(([name, schema]) => ({
    name,
    in: "query",
    required: required?.includes(name) ?? false,
    schema,
  }));
}

function headerParameters(route: Route): Json[] {
  return Object.entries(route.headers ?? {}).map(([name, description]) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  }));
}

function requestBody(route: Route): Json | undefined {
  if (route.rawBody) {
    return { required: true, content: { "*/*": { schema: { type: "string", format: "binary" } } } };
  }
  if (!route.body) return undefined;
  const required = !route.body.safeParse(undefined).success;
  return { required, content: { "application/json": { schema: toJsonSchema(route.body, "input") } } };
}

function describeReplies({ replies, limit }: Route): Json {
  const described: Json = limit ? { 429: { description: "Too many attempts; see Retry-After" } } : {};
  for (const [status, { description, schema, contentType }] of Object.entries(replies)) {
    // Bytes and streams have a type and no schema.
    const media = schema ? { schema: toJsonSchema(schema, "output") } : {};
    const type = contentType ?? (schema ? "application/json" : undefined);
    described[status] = { description, ...(type && { content: { [type]: media } }) };
  }
  described.default = {
    description: "Problem details (RFC 9457)",
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  };
  return described;
}

function propertiesOf(schema: z.ZodType | undefined): Record<string, Json> {
  return schema ? ((toJsonSchema(schema, "input").properties as Record<string, Json> | undefined) ?? {}) : {};
}

function toJsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
