// The routes of the OpenAPI document as the tests go through them.
import type { RouteAction } from "#core/domain/roles.ts";
import type { TestApi } from "../../support/api.ts";

export type DocumentedRoute = {
  /** `get /api/workflows/{id}` */
  name: string;
  method: string;
  path: string;
  action: RouteAction | "public";
  queryParameters: string[];
};

type Operation = {
  "x-action": RouteAction | "public";
  parameters?: ReadonlyArray<{ name: string; in: string; required: boolean }>;
};
type Document = { paths: Record<string, Record<string, Operation>> };

export async function listDocumented({ request }: TestApi): Promise<DocumentedRoute[]> {
  const { body } = await request<Document>("GET", "/openapi.json");
  return Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method} ${path}`,
      method,
      path,
      action: operation["x-action"],
      queryParameters: (operation.parameters ?? [])
        .filter((parameter) => parameter.in === "query")
        .map((parameter) => parameter.name),
    })),
  );
}
