// What fires of a workflow with a large graph costs the graph once a transaction, not once a schedule.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { createScheduleBed, type ScheduleBed } from "../../../test/support/schedule-bed.ts";
import { createId } from "../../crypto/new-id.ts";
import type { Executor } from "../database.ts";
import { insertExecutions, type NewExecution } from "../executions/insert-executions.ts";
import type { Sql } from "../sql.ts";
import { readHeld } from "./hold-schedules.ts";

let bed: ScheduleBed;
let workflowId: string;
let person: { userId: string; workspaceId: string };
const ids: string[] = [];
const ROLES = ["owner"];
const MANY = 40;
/** Of 8 kB, of which a graph of 1.9 MB of random text takes more. */
const PAGES_OF_GRAPH = 200;

before(async () => {
  bed = await createScheduleBed();
  person = await bed.addPerson();
  const node = (id: string, type: string) => ({ id, type });
  const nodes = [node("start", "trigger.manual"), node("nightly", "trigger.schedule")];
  const padding = Array.from({ length: 1_000 }, (_, place) => ({
    ...node(`n${place}`, "data.transform"),
    data: { config: { value: randomBytes(1_400).toString("base64") } },
  }));
  workflowId = await bed.addWorkflow(person, { nodes: [...nodes, ...padding], edges: [] });
  for (let n = 0; n < MANY; n++) ids.push(await bed.addSchedule(person, workflowId));
});
after(() => bed?.close());

/** Runs what is asked as it is, and counts the pages it reads. */
async function pagesOf(ask: (database: Executor) => Promise<unknown>): Promise<number> {
  let pages = 0;
  const explain = async ({ text, values }: Sql) => {
    const { rows } = await bed.admin.query(`explain (analyze, buffers, format json) ${text}`, values);
    const [{ Plan: plan }] = rows[0]["QUERY PLAN"];
    pages += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
    return [];
  };
  await ask({
    many: explain,
    one: (statement) => explain(statement).then(() => null),
    run: async () => 0,
  });
  return pages;
}

const start = (): NewExecution => ({
  ...{ id: createId(), userId: person.userId, workspaceIds: [person.workspaceId], workflowId, version: 1 },
  ...{ triggerType: "schedule", triggerNode: "nightly", trigger: {}, input: {}, priority: 0, band: 0 },
  ...{ availableAt: null, labels: [], watched: false, key: null, requestHash: null },
});

test("each further schedule of a workflow costs fewer pages than its graph has", async () => {
  const asks = {
    "read what is held": (count: number) => (database: Executor) =>
      readHeld(database, ids.slice(0, count), ROLES),
    "start executions": (count: number) => (database: Executor) =>
      insertExecutions(database, Array.from({ length: count }, start), ROLES),
  };
  for (const [name, ask] of Object.entries(asks)) {
    const one = await pagesOf(ask(1));
    const many = await pagesOf(ask(MANY));
    assert.ok(one > PAGES_OF_GRAPH, `${name}: one ${one}`);
    const each = (many - one) / (MANY - 1);
    assert.ok(each < PAGES_OF_GRAPH / 2, `${name}: ${each} each`);
  }
});
