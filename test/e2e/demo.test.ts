// `npm run demo` against real processes: it finishes with its result, whoever is killed in the middle.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type SampleService, startSampleService } from "../../scripts/sample-service.ts";
import { childEnvironment } from "../support/child-environment.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { findFreePort } from "../support/free-port.ts";
import { createPlatform, type Platform, type RoleName } from "../support/platform.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

let database: TestDatabase;
let sample: SampleService;
let platform: Platform;

before(async () => {
  database = await createTestDatabase();
  sample = await startSampleService(0);
  platform = await createPlatform({
    DATABASE_URL: database.databaseUrl,
    ALLOW_PRIVATE_EGRESS: new URL(sample.url).host,
  });
  await Promise.all([platform.start("api"), platform.start("worker"), platform.start("scheduler")]);
});

after(async () => {
  await platform?.close();
  await sample?.stop();
  await database?.drop();
});

test("a purchase order runs to its result, and its order is placed once", async (t) => {
  const before = await countOrders();
  const demo = startDemo(t, ["--lines", "3"]);
  assert.equal(await demo.exitCode(), 0, demo.output());
  assert.match(demo.output(), /The execution succeeded/);
  assert.match(demo.output(), /Nordlicht GmbH orders 55 pieces for 2722\.51 EUR \(5 % rebate/);
  assert.match(demo.output(), /total +2722\.51 +order ord_[0-9a-f]{16}/);
  for (const item of ["0", "1", "2"]) assert.equal(demo.count(stepOf("stock", item)), 1);
  assert.equal(demo.count(stepOf("summary", "")), 1);
  assert.equal((await countOrders()) - before, 1);
});

test("without a sample service it runs all the same, and says what is made up", async (t) => {
  const demo = startDemo(t, [], { SAMPLE_SERVICE_URL: "" });
  assert.equal(await demo.exitCode(), 0, demo.output());
  assert.match(demo.output(), /No sample service found/);
  assert.match(demo.output(), /The execution succeeded/);
});

test("a worker killed in the middle: another takes the order up, each step is told once", async (t) => {
  const before = await countOrders();
  const demo = startDemo(t, ["--lines", "4", "--slow", "700"]);
  await demo.says(stepOf("stock", "1"));
  await killRole("worker");
  await platform.start("worker");
  assert.equal(await demo.exitCode(), 0, demo.output());
  assert.match(demo.output(), /failed +\d+ worker_lost/);
  for (const item of ["0", "1", "2", "3"]) assert.equal(demo.count(stepOf("stock", item)), 1, demo.output());
  assert.equal((await countOrders()) - before, 1);
});

test("an api killed in the middle and started again: the demo goes on where it was", async (t) => {
  const demo = startDemo(t, ["--lines", "4", "--slow", "700"]);
  await demo.says(stepOf("stock", "1"));
  await killRole("api");
  await demo.says(/trying again/);
  await platform.start("api");
  assert.equal(await demo.exitCode(), 0, demo.output());
  assert.match(demo.output(), /the server is back/);
  for (const id of ["totals", "terms", "lines", "order", "summary"]) {
    assert.equal(demo.count(stepOf(id, "")), 1, demo.output());
  }
});

test("a failed execution ends with exit code 1 and its error", async (t) => {
  const demo = startDemo(t, [], { SAMPLE_SERVICE_URL: "http://127.0.0.1:9" });
  assert.equal(await demo.exitCode(), 1);
  assert.match(demo.output(), /The execution failed[\s\S]*egress_denied/);
});

test("without a server it says how to start one", async (t) => {
  const demo = startDemo(t, [], { ATELIER_URL: `http://127.0.0.1:${await findFreePort()}` });
  assert.equal(await demo.exitCode(), 1);
  assert.match(demo.output(), /No server is running[\s\S]*npm start/);
});

type Demo = {
  output(): string;
  count(line: RegExp): number;
  says(pattern: RegExp): Promise<void>;
  exitCode(): Promise<number | null>;
};

type Cleanup = Parameters<typeof temporaryFolder>[0];

function startDemo(t: Cleanup, args: string[], environment: Readonly<Record<string, string>> = {}): Demo {
  const script = fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script, ...args], {
    env: {
      ...childEnvironment(),
      ATELIER_URL: platform.url,
      DATA_DIR: temporaryFolder(t),
      SAMPLE_SERVICE_URL: sample.url,
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  let heard = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      heard();
    });
  }
  // "close" and not "exit": then all that was written has been read.
  const closed = once(child, "close").finally(() => heard());
  t.after(() => void child.kill("SIGKILL"));
  return {
    output: () => text,
    count: (line) => text.split("\n").filter((candidate) => line.test(candidate)).length,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        heard = () => {
          if (pattern.test(text)) resolve();
          else if (child.exitCode !== null)
            reject(new Error(`the demo ended before it said ${pattern}:\n${text}`));
        };
        heard();
      }),
    exitCode: async () => (await closed)[0],
  };
}

/** The line of a step that succeeded. */
function stepOf(nodeId: string, item: string): RegExp {
  return new RegExp(`^ +${nodeId} +${item} +succeeded`, "m");
}

async function killRole(role: RoleName): Promise<void> {
  const running = platform.processes().filter((process) => process.role === role);
  assert.equal(running.length, 1);
  for (const process of running) await process.kill("SIGKILL");
}

async function countOrders(): Promise<number> {
  const reply = await fetch(`${sample.url}/orders`);
  return ((await reply.json()) as { items: unknown[] }).items.length;
}
