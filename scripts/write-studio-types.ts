// npm run studio:types: asks a throw-away api for its OpenAPI document and writes the types of the Studio's calls.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { startTestApi } from "../test/support/api.ts";
import { createTestDatabase } from "../test/support/database.ts";
import { describeOperations, findCalls, type OpenApiDocument } from "./studio-types/describe-operations.ts";

const studio = fileURLToPath(new URL("../dashboards/studio", import.meta.url));
const database = await createTestDatabase();
const api = await startTestApi(database.databaseUrl);
const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as OpenApiDocument;
await api.close();
await writeFile(`${studio}/src/api/operations.ts`, describeOperations(document, findCalls(studio)));
await database.drop();
console.log("dashboards/studio/src/api/operations.ts is written");
process.exit(0);
