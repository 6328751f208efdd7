// npm run schema: migrates a throw-away database and writes migrations/schema.sql from its catalogue.
import { writeFile } from "node:fs/promises";
import { describeSchema } from "../migrations/describe-schema.ts";
import { createTestDatabase } from "../test/support/database.ts";

const database = await createTestDatabase();
await writeFile(
  new URL("../migrations/schema.sql", import.meta.url),
  await describeSchema(database.databaseUrl),
);
await database.drop();
console.log("migrations/schema.sql is written");
process.exit(0);
