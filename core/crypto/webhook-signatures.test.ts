// The digests were computed with openssl: printf '%s' "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -hex
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HookHeaders, WebhookStyle } from "../domain/webhooks/webhook.ts";
import { type SignatureVerdict, type Verifier, verifySignature } from "./webhook-signatures.ts";

const BODY = Buffer.from('{"id":"evt_7","paid":true}');
const SECRET = Buffer.from("a secret of seven");
const BEFORE = Buffer.from("the one before");
const HEX = "17d35eb7ac76b3ef38638e37d46b0634a979bfedd1fb53428489caec72adec2e";
const BASE64 = "F9Net6x2s+84Y4431GsGNKl5v+3R+1NChInK7HKt7C4=";
const SECONDS = 1_750_000_000;
/** Of `1750000000.BODY`. */
const TIMED = "e340ac067cd0e091a915eb637bae5463ef4496ca020587e9981ee19d74f9e772";
const TIMED_BEFORE = "5913ce80588199f6dcf271d7ac60f60199c4b9d037768262a7a01cad159cded5";
/** Of `v0:1750000000:BODY`. */
const SLACK = "2574d0b98f5eee7de6a04af0fa1a12d4976c66f32daa34840a2b90d0392c376f";

const verifier = (style: WebhookStyle, given: Partial<Verifier> = {}): Verifier => ({
  type: "hmac-sha256",
  style,
  header: null,
  timestampHeader: null,
  secrets: [SECRET],
  ...given,
});

type Case = { headers: HookHeaders; body?: Buffer; nowMs?: number };

const faultOf = (by: Verifier, { headers, body = BODY, nowMs = SECONDS * 1_000 }: Case) =>
  verifySignature(by, { headers, body, nowMs }).fault;

test("each style takes the signature as its senders write it", () => {
  assert.equal(faultOf(verifier("github"), { headers: { "x-hub-signature-256": `sha256=${HEX}` } }), null);
  assert.equal(faultOf(verifier("shopify"), { headers: { "x-shopify-hmac-sha256": BASE64 } }), null);
  const stripe = `t=${SECONDS},v1=${TIMED}`;
  assert.equal(faultOf(verifier("stripe"), { headers: { "stripe-signature": stripe } }), null);
  const slack = { "x-slack-signature": `v0=${SLACK}`, "x-slack-request-timestamp": String(SECONDS) };
  assert.equal(faultOf(verifier("slack"), { headers: slack }), null);
});

test("a generic signature is hex or base64, with or without sha256=, in the header that was named", () => {
  for (const value of [HEX, HEX.toUpperCase(), `sha256=${HEX}`, BASE64, `sha256=${BASE64}`]) {
    assert.equal(faultOf(verifier("generic"), { headers: { "x-signature": value } }), null, value);
    const named = verifier("generic", { header: "x-mine" });
    assert.equal(faultOf(named, { headers: { "x-mine": value } }), null, value);
    assert.equal(faultOf(named, { headers: { "x-signature": value } }), "unsigned", value);
  }
});

test("a generic time is signed before the body, and is needed where it was named", () => {
  const timed = verifier("generic", { timestampHeader: "x-timestamp" });
  const headers = { "x-signature": TIMED, "x-timestamp": String(SECONDS) };
  assert.equal(faultOf(timed, { headers }), null);
  assert.equal(faultOf(timed, { headers: { "x-signature": TIMED } }), "bad_signature");
  assert.equal(faultOf(timed, { headers: { "x-signature": HEX } }), "bad_signature");
  // Else what was signed with a time would be good for ever, as the body of something without one.
  const body = Buffer.concat([Buffer.from(`${SECONDS}.`), BODY]);
  assert.equal(faultOf(timed, { headers: { "x-signature": TIMED }, body }), "bad_signature");
});

test("A56: one byte of the body, one of the signature, another length, another secret", () => {
  const faults = (value: string, body?: Buffer) =>
    faultOf(verifier("github"), { headers: { "x-hub-signature-256": value }, ...(body && { body }) });
  const changed = Buffer.from(BODY);
  changed[3] = (changed[3] ?? 0) ^ 1;
  assert.equal(faults(`sha256=${HEX}`, changed), "bad_signature");
  assert.equal(faults(`sha256=${HEX}`, Buffer.concat([BODY, Buffer.from("\n")])), "bad_signature");
  for (const value of [
    `sha256=0${HEX.slice(1)}`,
    `sha256=${HEX.slice(2)}`,
    `sha256=${HEX}00`,
    "sha256=",
    `sha1=${HEX}`,
    HEX,
    `sha256=${HEX}, sha256=${HEX}`,
    `sha256=${BASE64.slice(4)}`,
  ]) {
    assert.equal(faults(value), "bad_signature", value);
  }
  const other = verifier("github", { secrets: [BEFORE] });
  assert.equal(faultOf(other, { headers: { "x-hub-signature-256": `sha256=${HEX}` } }), "bad_signature");
});

test("A56: a signed time is good for 300 s either way, and not when it is no time", () => {
  const headers = { "stripe-signature": `t=${SECONDS},v1=${TIMED}` };
  for (const [offMs, fault] of [
    [300_000, null],
    [-300_000, null],
    [300_001, "bad_timestamp"],
    [-300_001, "bad_timestamp"],
  ] as const) {
    assert.equal(
      faultOf(verifier("stripe"), { headers, nowMs: SECONDS * 1_000 + offMs }),
      fault,
      String(offMs),
    );
  }
  for (const text of ["", "t=,", "t=abc,", `t=${SECONDS}1,`]) {
    const value = `${text}v1=${TIMED}`;
    assert.equal(
      faultOf(verifier("stripe"), { headers: { "stripe-signature": value } }),
      "bad_signature",
      text,
    );
  }
});

test("Stripe sends several signatures while it changes its secret: one right one is enough, of ten at most", () => {
  const wrong = (n: number) => Array.from({ length: n }, () => `v1=${HEX}`).join(",");
  const header = (text: string) => ({ headers: { "stripe-signature": text } });
  assert.equal(faultOf(verifier("stripe"), header(`t=${SECONDS},${wrong(9)},v1=${TIMED}`)), null);
  assert.equal(faultOf(verifier("stripe"), header(`t=${SECONDS},${wrong(10)},v1=${TIMED}`)), "bad_signature");
  // The version before is not taken.
  assert.equal(faultOf(verifier("stripe"), header(`t=${SECONDS},v0=${TIMED}`)), "unsigned");
});

test("during an overlap both secrets are good", () => {
  const both = verifier("stripe", { secrets: [SECRET, BEFORE] });
  for (const digest of [TIMED, TIMED_BEFORE]) {
    assert.equal(faultOf(both, { headers: { "stripe-signature": `t=${SECONDS},v1=${digest}` } }), null);
  }
});

test("A55: nothing sent is unsigned; C7: nothing to verify with is refused, whatever is sent", () => {
  for (const style of ["generic", "github", "stripe", "shopify", "slack"] as const) {
    assert.equal(faultOf(verifier(style), { headers: {} }), "unsigned", style);
    assert.equal(faultOf(verifier(style, { secrets: [] }), { headers: {} }), "unverifiable", style);
  }
  const signed = { headers: { "x-hub-signature-256": `sha256=${HEX}` } };
  assert.equal(faultOf(verifier("github", { type: "what" as "none" }), signed), "unverifiable");
  assert.equal(faultOf(verifier("what" as "github"), signed), "unverifiable");
  assert.equal(faultOf(verifier("generic", { type: "none", secrets: [] }), { headers: {} }), null);
});

test("a bearer's secret is the whole header, with or without the word", () => {
  const bearer = verifier("generic", { type: "bearer" });
  for (const [value, fault] of [
    ["Bearer a secret of seven", null],
    ["bearer a secret of seven", null],
    ["a secret of seven", null],
    ["Bearer a secret of seve", "bad_signature"],
    ["Bearer a secret of seven!", "bad_signature"],
    ["Bearer ", "bad_signature"],
  ] as const) {
    assert.equal(faultOf(bearer, { headers: { authorization: value } }), fault, value);
  }
  assert.equal(faultOf(bearer, { headers: {} }), "unsigned");
  const named = verifier("generic", { type: "bearer", header: "x-gitlab-token" });
  assert.equal(faultOf(named, { headers: { "x-gitlab-token": "a secret of seven" } }), null);
  assert.equal(faultOf(bearer, { headers: { authorization: "Bearer x" } }), "bad_signature");
});

test("only a signature over a time is known again, however it is written", () => {
  const told = (by: Verifier, headers: HookHeaders) => {
    const verdict: SignatureVerdict = verifySignature(by, { headers, body: BODY, nowMs: SECONDS * 1_000 });
    return verdict.fault === null ? verdict.signature?.toString("hex") : verdict.fault;
  };
  assert.equal(told(verifier("github"), { "x-hub-signature-256": `sha256=${HEX}` }), undefined);
  const timed = verifier("generic", { timestampHeader: "x-timestamp" });
  const time = { "x-timestamp": String(SECONDS) };
  const first = told(timed, { ...time, "x-signature": TIMED });
  assert.match(String(first), /^[0-9a-f]{64}$/);
  const base64 = Buffer.from(TIMED, "hex").toString("base64");
  assert.equal(told(timed, { ...time, "x-signature": `sha256=${base64}` }), first);
});
