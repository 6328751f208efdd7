// Scripts and expressions in real workflows: hostile ones are only data until they run, and hurt nobody when they do.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type HttpSink, startHttpSink } from "../support/http-sink.ts";
import { createPlatform, type Platform, type RoleProcess } from "../support/platform.ts";
import { chain, createWorkflow, listSteps, submit, untilEnded } from "../support/workflows.ts";

const CANARY = "canary-7c1f-in-the-environment";
let database: TestDatabase;
let platform: Platform;
let api: RoleProcess;
let sink: HttpSink;
let request: Request;
let ada: Person;
let eve: Person;

before(async () => {
  database = await createTestDatabase();
  sink = await startHttpSink();
  platform = await createPlatform({
    DATABASE_URL: database.databaseUrl,
    ALLOW_PRIVATE_EGRESS: sink.address,
    ATELIER_SECRET_CANARY: CANARY,
  });
  api = await platform.start("api");
  await Promise.all([platform.start("worker"), platform.start("scheduler")]);
  request = createClient(platform.url);
  ada = await registerPerson(request);
  eve = await registerPerson(request);
});

after(async () => {
  await platform?.close();
  await sink?.close();
  await database?.drop();
});

const script = (source: string, more: Record<string, unknown> = {}) => ({
  id: "script",
  type: "code.javascript",
  config: { source, ...more },
});

async function runOf(person: Person, graph: unknown, input?: unknown) {
  const id = await submit(request, person, await createWorkflow(request, person, graph), { input });
  return untilEnded(request, person, id);
}

test("a script reads what expressions read, in a loop too, and its step is in the journal", async () => {
  const graph = {
    nodes: [
      { id: "start", type: "trigger.manual" },
      { id: "rate", type: "data.transform", data: { config: { value: { vat: 0.25 } } } },
      { id: "lines", type: "flow.forEach", data: { config: { items: "{{ input.lines }}" } } },
      {
        id: "gross",
        type: "code.javascript",
        data: {
          config: { source: "return { index, gross: item.net * (1 + nodes.rate.vat), at: Date.now() }" },
        },
      },
    ],
    edges: [
      { source: "start", target: "rate" },
      { source: "rate", target: "lines" },
      { source: "lines", sourceHandle: "item", target: "gross" },
    ],
  };
  const { output, error, id } = await runOf(ada, graph, { lines: [{ net: 100 }, { net: 40 }] });
  assert.equal(error, null);
  const [first, second] = output as { index: number; gross: number; at: number }[];
  assert.deepEqual([first?.index, first?.gross, second?.index, second?.gross], [0, 125, 1, 50]);
  assert.equal(first?.at, second?.at);
  const steps = await listSteps(request, ada, id);
  assert.equal(steps.filter(({ nodeId, status }) => nodeId === "gross" && status === "succeeded").length, 2);
});

test("a script's fault is refused at save with its place, and at validation too", async () => {
  const graph = chain(script("const a = 1;\nreturn a b"));
  const body = { name: "faulty", graph };
  const saved = await request("POST", "/api/workflows", { token: ada.token, body });
  assert.equal(saved.status, 422);
  assert.match(saved.text, /expecting ';' \(line 2, column 10\)/);
  const checked = await request<{ valid: boolean; problems: object[] }>("POST", "/api/workflows/validate", {
    token: ada.token,
    body: { graph },
  });
  assert.equal(checked.body.valid, false);
  assert.deepEqual(Reflect.get(checked.body.problems[0] ?? {}, "code"), "script_syntax");
});

test("A35: {{7*7}} in an input, a script and an answer of another system is echoed, never evaluated", async () => {
  const graph = chain(
    {
      id: "echo",
      type: "data.transform",
      config: { value: { text: "{{ input.text }}", joined: "<{{ input.text }}>" } },
    },
    {
      id: "call",
      type: "http.request",
      config: { method: "POST", url: "{{ input.url }}", body: "{{ nodes.echo }}" },
    },
    script("return { own: '{{7*7}}', given: input.text, echoed: nodes.echo, answered: nodes.call.body }"),
    { id: "last", type: "data.transform", config: { value: "{{ nodes.script }}" } },
  );
  const { output, error } = await runOf(ada, graph, { text: "{{7*7}}", url: `${sink.url}/echo` });
  assert.equal(error, null);
  assert.ok(!JSON.stringify(output).includes("49"));
  const { own, given, echoed } = output as Record<string, unknown>;
  assert.deepEqual([own, given, echoed], ["{{7*7}}", "{{7*7}}", { text: "{{7*7}}", joined: "<{{7*7}}>" }]);
});

test("A34: nothing of the worker's environment comes out of a script or an expression", async () => {
  const looks = [
    "return [typeof process, typeof require, Object.getOwnPropertyNames(globalThis)]",
    "throw new Error(String(new Error().stack) + Object.keys(globalThis))",
  ];
  for (const source of looks) {
    const { id } = await runOf(eve, chain(script(source)));
    for (const path of [`/api/executions/${id}`, `/api/executions/${id}/steps`]) {
      const { text } = await request("GET", path, { token: eve.token });
      assert.ok(!text.includes(CANARY));
      assert.doesNotMatch(text, /file:\/\/|node:internal|\/core\//);
    }
  }
});

test("A39: saving, validating and copying a hostile workflow runs nothing of it", async () => {
  const hostile = chain(
    { id: "call", type: "http.request", config: { url: `${sink.url}/never`, body: "{{ $pad('x', 2e8) }}" } },
    script("const spin = (() => { for (;;) {} })(); return spin"),
    { id: "boom", type: "data.transform", config: { value: "{{ ($f := function(){ $f() }; $f()) }}" } },
  );
  const before = childrenOf(api.pid);
  const body = { graph: hostile };
  const checked = await request<{ valid: boolean }>("POST", "/api/workflows/validate", {
    token: eve.token,
    body,
  });
  assert.equal(checked.text, '{"valid":true,"problems":[]}');
  const id = await createWorkflow(request, eve, hostile);
  for (const path of ["", "/versions", "/versions/1"]) {
    assert.equal((await request("GET", `/api/workflows/${id}${path}`, { token: eve.token })).status, 200);
  }
  const copy = await request("POST", `/api/workflows/${id}/versions/1/restore`, { token: eve.token });
  assert.equal(copy.status, 200);
  assert.equal(sink.count("/never"), 0);
  // The process that reads scripts, and no other; it is idle again, or it would have been ended.
  const started = childrenOf(api.pid).filter((child) => !before.includes(child));
  assert.ok(started.length <= 1, started.join());
  for (const child of started) assert.match(child, /script-process\.ts/);
});

test("A36: one person's bombs end in time, while the api answers and another's workflows run", async () => {
  const bombs = [
    chain(script("while (true) {}", { timeoutMs: 1_000 })),
    chain(script("return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)", { timeoutMs: 1_000 })),
    chain(script("const a = []; for (;;) a.push(new Array(1000).fill(1))", { timeoutMs: 1_000 })),
    chain({ id: "x", type: "data.transform", config: { value: "{{ ($f := function(){ $f() }; $f()) }}" } }),
    chain({ id: "x", type: "data.transform", config: { value: "{{ $pad('x', 2e8) }}" } }),
  ];
  const workflows = [];
  for (const bomb of bombs) workflows.push(await createWorkflow(request, eve, bomb));
  const good = await createWorkflow(
    request,
    ada,
    chain(
      { id: "sum", type: "data.transform", config: { value: "{{ $sum(input) }}" } },
      script("return nodes.sum + 1"),
    ),
  );
  const evil = await Promise.all(
    [...workflows, ...workflows, ...workflows].map((id) => submit(request, eve, id)),
  );
  const friendly = await Promise.all(
    Array.from({ length: 10 }, (_, i) => submit(request, ada, good, { input: [i, 1] })),
  );
  for (const [i, id] of friendly.entries()) {
    const { status, output } = await untilEnded(request, ada, id);
    assert.deepEqual([status, output], ["succeeded", i + 2]);
    assert.equal((await request("GET", "/healthz")).status, 200);
  }
  for (const id of evil) {
    const { status, error } = await untilEnded(request, eve, id, 120_000);
    assert.equal(status, "failed");
    assert.match(error?.code ?? "", /^(script|expression)_limit$/);
  }
  const alive = platform.processes().map(({ role }) => role);
  assert.deepEqual(alive.sort(), ["api", "scheduler", "worker"]);
});

/** "pid command line" of each child; empty where there is no /proc. */
function childrenOf(pid: number): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return Number(parent) === pid ? [`${name} ${command}`] : [];
      } catch {
        return [];
      }
    });
}
