// What is kept of outputs: bounded, storable, and the same whether the run goes on or resumes.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { StepError } from "#core/domain/journal.ts";
import { closeEvaluator, draw, runGraph } from "../../test/support/engine.ts";
import { checkOutput, toShown } from "./check-output.ts";

after(closeEvaluator);

function refusal(output: unknown): string | undefined {
  try {
    checkOutput(output);
  } catch (error) {
    return (error as StepError).code;
  }
}

test("an output of exactly 1 MB of JSON passes, one byte more is refused", () => {
  const text = "x".repeat(1_048_574);
  assert.equal(checkOutput(text), text);
  assert.equal(refusal(`${text}x`), "output_too_large");
  assert.equal(refusal("é".repeat(524_288)), "output_too_large", "bytes count, not characters");
});

test("text that PostgreSQL cannot hold is refused wherever it stands", () => {
  for (const output of ["a\0b", { deep: [{ "k\0": 1 }] }, ["\ud800"], { "\udfff": null }]) {
    assert.equal(refusal(output), "invalid_output", JSON.stringify(output));
  }
  for (const output of ["\\u0000", "\\\\ud800", "\u0001\u001f", "😀", { "\\u0000": "ä" }]) {
    assert.deepEqual(checkOutput(output), output);
  }
});

test("what is no JSON is refused, and nothing is null", () => {
  const circular: unknown[] = [];
  circular.push(circular);
  for (const output of [() => 1, Symbol("s"), 1n, { n: 1n }, circular]) {
    assert.equal(refusal(output), "invalid_output");
  }
  assert.equal(checkOutput(undefined), null);
});

test("more than 200 levels are refused, also where JSON itself would still do", () => {
  const nest = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
  assert.deepEqual(checkOutput(nest(200)), nest(200));
  assert.equal(refusal(nest(300)), "invalid_output");
  assert.equal(refusal(nest(100_000)), "invalid_output");
});

test("what JSON would change is changed at once, so that a resumed run sees no other value", () => {
  const odd = {
    date: new Date(0),
    gone: undefined,
    call: () => 1,
    nan: Number.NaN,
    zero: -0,
    map: new Map([[1, 2]]),
    list: [undefined, Number.POSITIVE_INFINITY],
    toJSON: undefined,
  };
  assert.deepEqual(checkOutput(odd), JSON.parse(JSON.stringify(odd)));
  assert.ok(Object.is((checkOutput({ zero: -0 }) as { zero: number }).zero, 0));
  const plain = { a: [1, "x", null, { b: true }] };
  assert.equal(checkOutput(plain), plain, "plain JSON is not copied");
});

test("an output too large or not storable fails its node, not the journal", async () => {
  for (const [output, code] of [
    ["x".repeat(2_000_000), "output_too_large"],
    ["a\0b", "invalid_output"],
    [() => 1, "invalid_output"],
  ] as const) {
    const { end, error, steps } = await runGraph({
      graph: draw("start>big>next"),
      behaviours: { big: () => output },
    });
    assert.equal(end, "failed");
    assert.equal((error as StepError).code, code);
    assert.equal((error as StepError).nodeId, "big");
    assert.deepEqual(steps.slice(1), ["big[]#1 failed"]);
  }
});

test("many fair outputs that together are too large fail the execution, not the worker", async () => {
  const { end, error } = await runGraph({
    graph: draw("start>a start>b start>c"),
    behaviours: Object.fromEntries(["a", "b", "c"].map((id) => [id, () => "x".repeat(500_000)])),
  });
  assert.equal(end, "failed");
  assert.equal((error as StepError).code, "output_too_large");
});

test("an input is shown with odd characters replaced, a huge one by its size", async () => {
  assert.deepEqual(toShown({ a: "\0\ud800", b: "\\u0000" }), { a: "\ufffd\ufffd", b: "\\u0000" });
  assert.deepEqual(toShown("x".repeat(300_000)), { $omitted: "300002 characters of JSON" });
  const { store } = await runGraph({
    graph: draw("start>a", { a: { type: "test.pure", config: { text: "half \ud800" } } }),
  });
  assert.deepEqual(store.rows().at(-1)?.input, { text: "half \ufffd" });
});
