// The types the Studio is written against are those of the interface as it is.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  describeOperations,
  findCalls,
  type OpenApiDocument,
} from "../../scripts/studio-types/describe-operations.ts";
import { startTestApi } from "../support/api.ts";
import { createTestDatabase } from "../support/database.ts";

const studio = fileURLToPath(new URL("../../dashboards/studio", import.meta.url));

test("operations.ts is what the OpenAPI document says (else: npm run studio:types)", async (t) => {
  const database = await createTestDatabase(t);
  const api = await startTestApi(database.databaseUrl);
  t.after(() => api.close());
  const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as OpenApiDocument;
  const calls = findCalls(studio);
  assert.ok(calls.length > 10, `${calls.length} calls`);
  const written = await readFile(`${studio}/src/api/operations.ts`, "utf8");
  assert.equal(written, describeOperations(document, calls));
  assert.throws(() => describeOperations(document, ["GET /api/nothing"]), /does not describe/);
});
