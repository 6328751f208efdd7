// Which routes of the document answer with room for anything: bytes, streams, JSON without a shape.
type Json = Record<string, unknown>;
type Operation = { responses: Record<string, { content?: Record<string, { schema?: Json }> }> };
export type OpenApi = { paths: Record<string, Record<string, Operation>> };

/** `get /api/executions/{id}` → the places in its good answers, `.input` or a content type. Shaped answers are left out. */
export function findOpenAnswers({ paths }: OpenApi): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(methods)) {
      const good = Object.entries(responses).filter(([status]) => /^[23]/.test(status));
      const places = good.flatMap(([, { content = {} }]) =>
        Object.entries(content).flatMap(([type, { schema }]) =>
          type === "application/json" ? openPlaces(schema ?? {}, "") : [type],
        ),
      );
      if (places.length > 0) found.set(`${method} ${path}`, [...new Set(places)]);
    }
  }
  return found;
}

/** Names under which payloads travel, whatever their shape. */
const PAYLOADS = /^(input|inputs|output|outputs|data|payload|state|result|results)$/;

function openPlaces(schema: Json, place: string): string[] {
  const { description: _text, default: _value, ...rest } = schema;
  if (Object.keys(rest).length === 0) return [place];
  const { properties = {}, items, additionalProperties, anyOf = [], oneOf = [], allOf = [] } = rest;
  return [
    ...Object.entries(properties as Record<string, Json>).flatMap(([name, inner]) =>
      PAYLOADS.test(name) ? [`${place}.${name}`] : openPlaces(inner, `${place}.${name}`),
    ),
    ...(isSchema(items) ? openPlaces(items, `${place}[]`) : []),
    ...(isSchema(additionalProperties) ? openPlaces(additionalProperties, `${place}{}`) : []),
    ...[anyOf, oneOf, allOf].flatMap((list) => (list as Json[]).flatMap((inner) => openPlaces(inner, place))),
  ];
}

function isSchema(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}
