import assert from "node:assert/strict";
import { test } from "node:test";
import { createRedactor } from "./redact.ts";

const SECRET = 'k"ey/with+odd =ß&signs 4711';

function redactorFor(...secrets: string[]) {
  const redactor = createRedactor();
  redactor.add(secrets);
  return redactor.redact;
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("a secret goes in every spelling, wherever it stands, and the rest stays", () => {
  const redact = redactorFor(SECRET);
  const spellings = [
    SECRET,
    JSON.stringify(SECRET).slice(1, -1),
    JSON.stringify(JSON.stringify(SECRET)).slice(3, -3),
    JSON.stringify(SECRET).slice(1, -1).replaceAll("/", "\\/"),
    encodeURIComponent(SECRET),
    encodeURIComponent(SECRET).replaceAll(/%../g, (code) => code.toLowerCase()),
    new URLSearchParams({ s: SECRET }).toString().slice(2),
    Buffer.from(SECRET).toString("hex"),
  ];
  for (const spelling of spellings) {
    const output = { list: [`before ${spelling} after`, { [`x${spelling}`]: 1 }], other: [1, null, true] };
    assert.deepEqual(redact(output), {
      list: ["before [redacted] after", { "x[redacted]": 1 }],
      other: [1, null, true],
    });
  }
});

test("base64 goes too, alone and at any place in what was encoded", () => {
  const redact = redactorFor(SECRET);
  for (const before of ["", "a", "ab", "abc", "Bearer "]) {
    for (const encoding of ["base64", "base64url"] as const) {
      const text = Buffer.from(`${before}${SECRET} and more`).toString(encoding);
      const left = redact(text);
      assert.match(left, /\[redacted\]/);
      // What is left of the secret's own characters is less than two bytes at either end.
      const [start = "", end = ""] = left.split("[redacted]");
      const known =
        Buffer.from(start, encoding).toString("latin1") + Buffer.from(end, encoding).toString("latin1");
      assert.ok(!known.includes("with"), left);
    }
  }
  assert.equal(
    redactorFor("user:pass-word")(`Basic ${base64("user:pass-word")}`).startsWith("Basic [redacted]"),
    true,
  );
  assert.equal(redactorFor("abcd")(`x ${base64("abcd")}`), "x [redacted]==");
});

test("in an encoding nobody thought of, long runs of letters and digits go all the same", () => {
  const redact = redactorFor('"0123456789abcdefg&"');
  assert.equal(redact("&quot;0123456789abcdefg&amp;&quot;"), "&quot;[redacted]&amp;&quot;");
  const address = redactorFor("postgres://u:secret-4711@averylonghostname/db");
  assert.equal(address("averylonghostname"), "averylonghostname");
});

test("what holds another secret goes as a whole, in whatever order they came", () => {
  const redact = redactorFor("abcd", "abcdefgh-long");
  assert.equal(redact("x abcdefgh-long y abcd"), "x [redacted] y [redacted]");
});

test("a secret that was cut off at the end of an excerpt goes, a word in common with one does not", () => {
  const redact = redactorFor("postgres://user:pass@host/db", "0123456789abcdefghij");
  assert.equal(redact("body: 0123456789abcdef"), "body: [redacted]");
  assert.equal(redact("post"), "post");
  assert.equal(redact("postgres://"), "postgres://");
});

test("of a long secret that is continued otherwise the common part goes", () => {
  const long = `${"a".repeat(300)}END`;
  assert.equal(redactorFor(long)(`<${"a".repeat(299)}>`), "<[redacted]>");
});

test("digits that came back as a number go, other numbers stay", () => {
  const redact = redactorFor("47110815");
  assert.deepEqual(redact({ a: 47110815, b: 4711, c: 1e21 }), { a: "[redacted]", b: 4711, c: 1e21 });
});

test("values under four characters are left alone, and nothing to do gives back the same object", () => {
  const output = { a: ["abc", { b: "x" }] };
  assert.equal(redactorFor("abc")(output), output);
  assert.equal(redactorFor("abcd")(output), output);
});

test("1 MB made to be slow to search is searched", () => {
  const text = "a".repeat(1_000_000);
  const redact = redactorFor(`${"a".repeat(8_000)}b`, `${"a".repeat(63)}b`);
  assert.equal(redact(text), "[redacted]".repeat(Math.ceil(1_000_000 / 8_000)));
});

test("of two tokens of one issuer, alike for more than a header, neither shows its rest", () => {
  const header = Buffer.from(`{"alg":"RS256","kid":"${"k".repeat(60)}"}`).toString("base64url");
  const [one, two] = [
    `${header}.short-one_4711-payload.sign-one`,
    `${header}.longer_two-0815-payload.sign-two-x`,
  ];
  for (const given of [
    [one, two],
    [two, one],
  ]) {
    const redact = redactorFor(...given);
    assert.deepEqual(redact([`<${one}>`, `<${two}>`]), ["<[redacted]>", "<[redacted]>"]);
  }
});

test("many secrets with equal beginnings are known at once, and many short texts are searched for them", () => {
  const secret = (seed: number) =>
    Array.from({ length: 100 }, (_, index) => `${"a".repeat(70)}${seed}x${index}`.padEnd(80, "b")).join("-");
  const secrets = Array.from({ length: 40 }, (_, seed) => secret(seed));
  // 40 such secrets took minutes, in which the worker did nothing else.
  const redact = redactorFor(...secrets, "short-one");
  const texts = Array.from({ length: 60_000 }, (_, index) => ({ name: `person number ${index}` }));
  assert.equal(redact(texts), texts);
  assert.deepEqual(redact(["my short-one", `<${secrets[3]}>`]), ["my [redacted]", "<[redacted]>"]);
});
