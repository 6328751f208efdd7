import assert from "node:assert/strict";
import { test } from "node:test";
import { createPasswordHasher } from "./passwords.ts";

const cheap = { memoryKib: 19_456, passes: 2, niceness: 0 };

test("a password verifies against its own PHC string and nothing else does", async () => {
  const hasher = createPasswordHasher(cheap);
  const phc = await hasher.hash("correct horse battery");
  const [, algorithm, version, parameters, salt, tag] = phc.split("$");
  assert.deepEqual([algorithm, version, parameters], ["argon2id", "v=19", "m=19456,t=2,p=1"]);
  assert.equal(Buffer.from(salt ?? "", "base64").length, 16);
  assert.equal(Buffer.from(tag ?? "", "base64").length, 32);
  assert.equal(await hasher.verify("correct horse battery", phc), true);
  assert.equal(await hasher.verify("correct horse battery ", phc), false);
  assert.notEqual(await hasher.hash("correct horse battery"), phc, "every hash has a salt of its own");
});

test("bytes count exactly: no trimming, no normalisation, no cut at 72", async () => {
  const hasher = createPasswordHasher(cheap);
  const long = `${"x".repeat(80)}1`;
  assert.equal(await hasher.verify(`${"x".repeat(80)}2`, await hasher.hash(long)), false);
  const composed = "caf\u00e9 12345";
  assert.equal(await hasher.verify(composed.normalize("NFD"), await hasher.hash(composed)), false);
});

test("a hash of other parameters verifies with its own and asks for a rehash", async () => {
  const before = createPasswordHasher(cheap);
  const after = createPasswordHasher({ memoryKib: 20_480, passes: 3 });
  const phc = await before.hash("password one");
  assert.equal(await after.verify("password one", phc), true);
  assert.equal(after.needsRehash(phc), true);
  assert.equal(before.needsRehash(phc), false);
  assert.equal(after.needsRehash("!"), true);
});

test("texts that are no bounded Argon2id hash verify as false instead of throwing", async () => {
  const hasher = createPasswordHasher(cheap);
  const phc = await hasher.hash("password one");
  const strange = [
    "",
    "!",
    phc.replace("argon2id", "argon2i"),
    phc.replace("m=19456", "m=9999999"),
    phc.slice(0, 40),
  ];
  for (const text of [...strange, phc.replace("t=2", "t=0"), phc.replace("m=19456", "m=1")]) {
    assert.equal(await hasher.verify("password one", text), false, text);
  }
});

test("the dummy verification says no", async () => {
  assert.equal(await createPasswordHasher(cheap).dummyVerify("anything"), false);
});

test("parameters below the floor refuse to start", () => {
  assert.throws(() => createPasswordHasher({ memoryKib: 4_096 }), { code: "invalid_config" });
  assert.throws(() => createPasswordHasher({ passes: 1 }), { code: "invalid_config" });
});
