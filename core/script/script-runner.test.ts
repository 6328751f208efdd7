// What a script sees, gives and may use up.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { VisibleData } from "#core/domain/node.ts";
import { createScriptRunner } from "./script-runner.ts";

const runner = createScriptRunner({ poolSize: 2 });
after(() => runner.close());

const execution = { id: "0198c0de-0000-7000-8000-000000000001", startedAt: "2026-02-03T04:05:06.000Z" };
const data: VisibleData = {
  input: { qty: 2, price: 21 },
  nodes: { total: { sum: 9 } },
  trigger: { type: "manual" },
  item: "b",
  index: 1,
  execution,
};

type Given = { data?: VisibleData; seed?: string; timeoutMs?: number; key?: string; signal?: AbortSignal };

function run(source: string, given: Given = {}): Promise<unknown> {
  const { signal } = new AbortController();
  return runner.run({ source, data, seed: "node/", timeoutMs: 5_000, key: "a", signal, ...given });
}

test("a script finds its data under the names that expressions use, and returns JSON", async () => {
  assert.equal(await run("return input.qty * input.price"), 42);
  const seen = { sum: 9, item: "b", index: 1, type: "manual", id: execution.id };
  const source = "return { sum: nodes.total.sum, item, index, type: trigger.type, id: execution.id }";
  assert.deepEqual(await run(source), seen);
  assert.deepEqual(await run("return typeof item", { data: { ...data, item: undefined } }), "undefined");
  assert.equal(await run("const x = 1"), null);
  assert.deepEqual(await run("return [undefined, NaN, new Date(0), { a: undefined }]"), [
    null,
    null,
    "1970-01-01T00:00:00.000Z",
    {},
  ]);
});

test("await works: promises, timers made of promises, async loops", async () => {
  assert.equal(await run("return await Promise.resolve(1).then((x) => x + 1)"), 2);
  const loop =
    "let sum = 0; for await (const x of (async function* () { yield 1; yield 2 })()) sum += x; return sum";
  assert.equal(await run(loop), 3);
  assert.equal(await run("for (let i = 0; i < 1e5; i++) await null; return 'done'"), "done");
  await assert.rejects(run("return await new Promise(() => {})"), { code: "script_stuck", retryable: false });
  await assert.rejects(run("return await Promise.reject(new RangeError('no'))"), {
    code: "script_failed",
    message: /^RangeError: no/,
  });
});

test("time and chance belong to the execution, and no real clock can be found", async () => {
  const started = Date.parse(execution.startedAt);
  const clocks = `
    class Own extends Date {}
    return [Date.now(), new Date().getTime(), new Own().getTime(), new Date().constructor.now(),
      new (Object.getPrototypeOf(new Date(0)).constructor)().getTime(), Reflect.construct(Date, []).getTime()]`;
  assert.deepEqual(await run(clocks), Array(6).fill(started));
  assert.equal(await run("return Date()"), "Tue Feb 03 2026 04:05:06 GMT+0000");
  assert.equal(await run("return Object.getPrototypeOf(Date) === Function.prototype"), true);
  assert.equal(await run("return new Date(2026, 0, 31).toISOString()"), "2026-01-31T00:00:00.000Z");
  assert.deepEqual(
    await run("return [Date.name, Date.UTC(1970), Date.parse('1970-01-02'), typeof performance]"),
    ["Date", 0, 86_400_000, "undefined"],
  );
  const chance = "return [Math.random(), Math.random(), Math.random()]";
  const first = (await run(chance)) as number[];
  assert.deepEqual(await run(chance), first);
  assert.equal(new Set(first).size, 3);
  assert.ok(first.every((value) => value >= 0 && value < 1));
  assert.notDeepEqual(await run(chance, { seed: "node/1" }), first);
  assert.notDeepEqual(await run(chance, { data: { ...data, execution: { ...execution, id: "x" } } }), first);
});

test("a fault says name, message, line and console, and nothing of the host", async () => {
  const source = "const a = input;\nconsole.log('looking', { at: a }, 7);\n\n  return a.missing.field;";
  await assert.rejects(run(source), (error: Error & { code: string; details: object; stack: string }) => {
    assert.equal(error.code, "script_failed");
    assert.match(
      error.message,
      /^TypeError: cannot read property 'field' of undefined \(line 4, column \d+\)$/,
    );
    const { column, ...details } = error.details as Record<string, unknown>;
    assert.ok(Number(column) > 2);
    assert.deepEqual(details, {
      name: "TypeError",
      line: 4,
      console: 'looking {"at":{"qty":2,"price":21}} 7\n',
    });
    return true;
  });
  await assert.rejects(run("throw 'just words'"), { message: "Error: just words" });
  await assert.rejects(
    run("for (let i = 0; i < 5000; i++) console.log('x'.repeat(99)); throw 1"),
    (error) => {
      const { console: log, consoleLinesDropped } = (error as { details: Record<string, unknown> }).details;
      assert.equal(String(log).length, 8_000);
      assert.equal(consoleLinesDropped, 4_920);
      return true;
    },
  );
  await assert.rejects(run("const a = 1;\nreturn a +;"), {
    code: "script_syntax",
    details: { line: 2, column: 11 },
  });
  await assert.rejects(run("return () => 1"), { code: "invalid_output" });
  await assert.rejects(run("return 1n"), { code: "script_failed" });
  await assert.rejects(run("const a = {}; a.a = a; return a"), { code: "script_failed" });
});

test("every limit ends the script with its name", async () => {
  const limits: ReadonlyArray<readonly [string, string]> = [
    ["while (true) {}", "time"],
    ["for (;;) await null", "time"],
    // Loops inside one built-in function, where QuickJS never asks whether to go on: ended from outside.
    ["return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)", "time"],
    ["const a = []; for (;;) a.push('x'.repeat(1e6) + a.length)", "memory"],
    ["return 'x'.repeat(1e9)", "memory"],
    ["(function f() { f() })()", "depth"],
    ["let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a", "depth"],
  ];
  for (const [source, limit] of limits) {
    const expected = { code: "script_limit", retryable: false, details: { limit } };
    const timeoutMs = limit === "time" ? 500 : 30_000;
    await assert.rejects(run(source, { timeoutMs }), expected, source);
  }
  await assert.rejects(run("return 'é'.repeat(600_000)"), { code: "output_too_large" });
  await assert.rejects(run("return 'x'.repeat(10_000_000)"), { code: "output_too_large" });
  const big = { ...data, input: "x".repeat(9_000_000) };
  await assert.rejects(run("return 1", { data: big }), { code: "script_limit", details: { limit: "data" } });
});

test("an abort ends a running script at once, with its reason", async () => {
  const controller = new AbortController();
  const running = run("while (true) {}", { timeoutMs: 60_000, signal: controller.signal });
  const reason = new Error("cancelled");
  setTimeout(() => controller.abort(reason), 300);
  await assert.rejects(running, (error) => error === reason);
  assert.equal(await run("return 1"), 1);
});

test("checking finds the place of a fault and runs nothing", async () => {
  const sources = [
    "return await input",
    "const a = 1;\n  return a b",
    "while (true) {}",
    "return (",
    "}); (async function () {",
    "}\n+function () {",
    "}, async function () {",
    "with (input) {}",
    "(".repeat(100_000),
  ];
  const faults = await runner.check(sources);
  const places = faults.map((fault) => fault && `${fault.line}:${fault.column} ${fault.position}`);
  assert.deepEqual(places, [null, "2:12 24", null, "1:9 8", "1:2 1", "2:1 2", "1:2 1", "1:1 0", "1:1 0"]);
  assert.match(faults[1]?.message ?? "", /^expecting ';' \(line 2, column 12\)$/);
  assert.deepEqual(await runner.check([]), []);
});
