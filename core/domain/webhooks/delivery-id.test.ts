import assert from "node:assert/strict";
import { test } from "node:test";
import { contentOf, deliveryIdOf, shownDeliveryId } from "./delivery-id.ts";

const given = { style: "generic", headers: {}, body: Buffer.from("{}"), signature: null } as const;
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

test("the sender's own word, wherever it stands", () => {
  for (const name of ["idempotency-key", "webhook-id", "x-github-delivery", "x-shopify-webhook-id"]) {
    assert.equal(deliveryIdOf({ ...given, headers: { [name]: "72d3" } }), "id:72d3", name);
  }
  assert.equal(deliveryIdOf({ ...given, style: "stripe", body: json({ id: "evt_1" }) }), "id:evt_1");
  assert.equal(deliveryIdOf({ ...given, style: "slack", body: json({ event_id: "Ev1" }) }), "id:Ev1");
});

test("what is signed with the body goes before a header that anybody could change", () => {
  const headers = { "idempotency-key": "other" };
  assert.equal(deliveryIdOf({ ...given, style: "stripe", body: json({ id: "evt_1" }), headers }), "id:evt_1");
  const signature = Buffer.from("ab", "hex");
  assert.equal(
    deliveryIdOf({ ...given, style: "stripe", body: json({ id: 7 }), headers, signature }),
    "sig:ab",
  );
});

test("without a word a signature over a time tells it, and without one nothing: equal bodies are two deliveries", () => {
  assert.equal(deliveryIdOf({ ...given, signature: Buffer.from("0102", "hex") }), "sig:0102");
  for (const body of [{}, "text", null, { id: "evt_1" }].map(json))
    assert.equal(deliveryIdOf({ ...given, body }), null);
  assert.equal(deliveryIdOf({ ...given, style: "stripe", body: Buffer.from("no JSON") }), null);
  assert.equal(deliveryIdOf({ ...given, headers: { "idempotency-key": "" } }), null);
});

test("a long or strange word is kept as its digest, and none can pass for something else", () => {
  const long = deliveryIdOf({ ...given, headers: { "webhook-id": "x".repeat(201) } });
  assert.match(String(long), /^id:sha256:[0-9a-f]{64}$/);
  assert.notEqual(long, deliveryIdOf({ ...given, headers: { "webhook-id": "x".repeat(202) } }));
  assert.match(String(deliveryIdOf({ ...given, headers: { "webhook-id": "ä" } })), /^id:sha256:/);
  assert.equal(deliveryIdOf({ ...given, headers: { "webhook-id": "refused:x" } }), "id:refused:x");
});

test("people see the sender's word only", () => {
  assert.equal(shownDeliveryId("id:72d3"), "72d3");
  for (const kept of ["sig:0102", "none:7", "refused:unsigned:2026"])
    assert.equal(shownDeliveryId(kept), null);
});

test("what comes under an id in a header is told by its bytes, type and query; under a signed id by nothing more", () => {
  const named = { ...given, headers: { "webhook-id": "1", "content-type": "text/plain" } };
  const one = contentOf(named, { a: "1", b: "2" })?.toString("hex");
  assert.match(String(one), /^[0-9a-f]{64}$/);
  assert.equal(contentOf(named, { b: "2", a: "1" })?.toString("hex"), one);
  for (const [other, query] of [
    [
      { ...named, body: json({ a: 1 }) },
      { a: "1", b: "2" },
    ],
    [
      { ...named, headers: { "webhook-id": "1", "content-type": "text/csv" } },
      { a: "1", b: "2" },
    ],
    [named, { a: "1" }],
  ] as const) {
    assert.notEqual(contentOf(other, query)?.toString("hex"), one);
  }
  assert.equal(contentOf({ ...named, style: "stripe", body: json({ id: "evt_1" }) }, {}), null);
  assert.equal(contentOf(given, {}), null);
});
