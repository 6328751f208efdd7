import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "./canonical-json.ts";
import { contentHash } from "./content-hash.ts";

const jsonValue = fc.jsonValue({ maxDepth: 4, stringUnit: "grapheme" });

/** The same value with the keys of every object in reverse. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

test("keys are sorted by UTF-16 unit and numbers written as JavaScript prints them", () => {
  // The order of RFC 8785, section 3.2.3: by UTF-16, so the emoji (d83d…) comes before U+FB33.
  const keys = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 };
  assert.equal(
    canonicalJson(keys),
    '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}',
  );
  assert.equal(
    canonicalJson([1 / 3, 1e30, 4.5, 2e-3, 1e-27, -0]),
    "[0.3333333333333333,1e+30,4.5,0.002,1e-27,0]",
  );
});

test("two values have one text exactly when they are the same value", () => {
  fc.assert(
    fc.property(jsonValue, (value) => {
      const text = canonicalJson(value);
      assert.equal(canonicalJson(reversed(value)), text);
      assert.equal(canonicalJson(JSON.parse(text)), text);
      assert.equal(JSON.stringify(JSON.parse(text)).length, text.length);
    }),
  );
});

test("undefined, dates and keys called __proto__ are treated like JSON treats them", () => {
  const value = JSON.parse('{"b":1,"__proto__":{"x":1}}');
  assert.equal(canonicalJson(value), '{"__proto__":{"x":1},"b":1}');
  assert.equal(canonicalJson({ b: undefined, a: [undefined, () => 1] }), '{"a":[null,null]}');
  assert.equal(canonicalJson(new Array(2)), "[null,null]");
  assert.equal(canonicalJson({ at: new Date(0) }), '{"at":"1970-01-01T00:00:00.000Z"}');
  assert.equal(canonicalJson(undefined), "null");
});

test("what JSON cannot say faithfully is refused", () => {
  for (const text of ["\ud800", "x\udc00y"]) {
    assert.throws(() => canonicalJson([text]), { code: "invalid_text" });
    assert.throws(() => canonicalJson({ [text]: 1 }), { code: "invalid_text" });
  }
  for (const number of [Number.NaN, Number.POSITIVE_INFINITY, 1n]) {
    assert.throws(() => canonicalJson({ number }), { code: "invalid_number" });
  }
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  assert.throws(() => canonicalJson(deep), { code: "too_deep" });
});

test("the content hash does not see the order of keys, and sees everything else", () => {
  const graph = { nodes: [{ id: "a", type: "trigger.manual", data: { label: "A" } }], edges: [] };
  const same = { edges: [], nodes: [{ data: { label: "A" }, type: "trigger.manual", id: "a" }] };
  const other = { edges: [], nodes: [{ data: { label: "B" }, type: "trigger.manual", id: "a" }] };
  assert.equal(contentHash(graph).length, 32);
  assert.deepEqual(contentHash(graph), contentHash(same));
  assert.notDeepEqual(contentHash(graph), contentHash(other));
});
