// Where the demo sends people, there is something.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestApi } from "../../test/support/api.ts";
import { createTestDatabase } from "../../test/support/database.ts";
import { showExecution } from "./show-execution.ts";

test("every address it names is one the server knows", async (t) => {
  const database = await createTestDatabase();
  const api = await startTestApi(database.databaseUrl);
  t.after(async () => {
    await api.close();
    await database.drop();
  });
  const text = showExecution("", {
    id: "01890000-0000-7000-8000-000000000000",
    status: "failed",
    output: null,
    error: { code: "timeout", message: "late" },
    createdAt: "2026-03-01T12:00:00.000Z",
    finishedAt: null,
  });
  const paths = [...text.matchAll(/^ {2}(\/\S+)/gm)].map(([, path = ""]) => path);
  assert.ok(paths.length >= 3, text);
  for (const path of paths) assert.notEqual((await api.request("GET", path)).status, 404, path);
});
