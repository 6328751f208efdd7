import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { type Binding, createEnvelope, type Sealed } from "./envelope.ts";
import { createKeyring, type NamedKey } from "./keyring.ts";

const key = (id: string): NamedKey => ({ id, secret: randomBytes(32) });
const old = key("2025");
const current = key("2026");
const envelope = createEnvelope({ keyring: createKeyring({ keys: [current, old] }) });
const binding: Binding = { purpose: "credential", workspaceId: "w1", id: "c1", type: "http.bearer" };
const plain = Buffer.from('{"token":"very secret"}');

const fails = (sealed: Sealed, bound: Binding, why: string) =>
  assert.rejects(envelope.open(sealed, bound), { name: "AppError", code: "decryption_failed" }, why);

test("what was sealed opens, and looks different each time", async () => {
  const [one, two] = [envelope.seal(plain, binding), envelope.seal(plain, binding)];
  assert.equal(one.keyId, "2026");
  assert.deepEqual(await envelope.open(one, binding), plain);
  assert.equal(one.ciphertext.equals(two.ciphertext), false);
  assert.equal(one.wrappedKey.equals(two.wrappedKey), false);
  assert.equal(one.ciphertext.includes("very secret"), false);
});

test("every flipped bit of every byte is noticed", async () => {
  const sealed = envelope.seal(plain, binding);
  for (const field of ["wrappedKey", "ciphertext"] as const) {
    for (let index = 0; index < sealed[field].length; index++) {
      const changed = Buffer.from(sealed[field]);
      changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8));
      await fails({ ...sealed, [field]: changed }, binding, `${field} byte ${index}`);
    }
    await fails({ ...sealed, [field]: sealed[field].subarray(0, -1) }, binding, `${field} cut`);
    await fails({ ...sealed, [field]: Buffer.alloc(0) }, binding, `${field} empty`);
  }
});

test("rows cannot be swapped, nor one half of them", async () => {
  const other = { ...binding, id: "c2" };
  const [mine, theirs] = [envelope.seal(plain, binding), envelope.seal(plain, other)];
  await fails(theirs, binding, "another row");
  await fails({ ...mine, ciphertext: theirs.ciphertext }, binding, "another row's content");
  await fails({ ...mine, wrappedKey: theirs.wrappedKey }, binding, "another row's key");
});

test("every part of the binding counts, and parts do not run into each other", async () => {
  const sealed = envelope.seal(plain, binding);
  const changes: Partial<Binding>[] = [
    { purpose: "webhook" },
    { workspaceId: "w2" },
    { id: "c2" },
    { type: "http.basic" },
    { workspaceId: 'w1","c1', id: "" },
  ];
  for (const change of changes) await fails(sealed, { ...binding, ...change }, JSON.stringify(change));
});

test("an old key opens what it sealed; an unknown or exchanged one says which and what to do", async () => {
  const before = createEnvelope({ keyring: createKeyring({ keys: [old] }) });
  const sealed = before.seal(plain, binding);
  assert.deepEqual(await envelope.open(sealed, binding), plain);
  const without = createEnvelope({ keyring: createKeyring({ keys: [current] }) });
  await assert.rejects(without.open(sealed, binding), /key "2025".*Add the entry 2025:/s);
  const exchanged = createEnvelope({ keyring: createKeyring({ keys: [key("2025")] }) });
  await assert.rejects(exchanged.open(sealed, binding), {
    code: "decryption_failed",
    details: { keyId: "2025" },
  });
  await fails({ ...sealed, keyId: "2026" }, binding, "another known key named");
});

test("an unknown key id makes the ring read its keys again, at most once a second", async () => {
  let reads = 0;
  const reload = () => {
    reads += 1;
    return [current, old];
  };
  const keyring = createKeyring({ keys: [old], reload });
  const sealed = envelope.seal(plain, binding);
  const fresh = createEnvelope({ keyring });
  const opened = await Promise.all(Array.from({ length: 10 }, () => fresh.open(sealed, binding)));
  assert.deepEqual(opened[9], plain);
  assert.equal(reads, 1);
  assert.equal(keyring.current().id, "2026", "the fresh first key seals from now on");
  assert.throws(() => keyring.find("2019"), { code: "decryption_failed" });
  assert.equal(reads, 1, "unknown ids cannot make it read in a loop");
});

test("the first key seals as soon as it is read, and a source that fails leaves the ring as it was", async () => {
  let keys: () => NamedKey[] = () => [current, old];
  const keyring = createKeyring({ keys: [old], reload: () => keys() });
  assert.equal(createEnvelope({ keyring }).seal(plain, binding).keyId, "2026");
  keys = () => {
    throw new Error("half a file");
  };
  const broken = createKeyring({ keys: [old], reload: () => keys() });
  assert.equal(broken.current().id, "2025");
  assert.equal(broken.find("2025").id, "2025");
});

test("rings without keys, with short ones or two of one id refuse to start", () => {
  const short = { id: "a", secret: randomBytes(31) };
  for (const keys of [[], [short], [old, key("2025")]]) {
    assert.throws(() => createKeyring({ keys }), { code: "invalid_config" });
  }
});
