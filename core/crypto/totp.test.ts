// One-time codes against the RFC's own values, the window, and what was used before; and recovery codes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRecoveryCodes, hashRecoveryCode } from "./recovery-codes.ts";
import { createTotpSecret, describeTotpSecret, findTotpStep } from "./totp.ts";

const RFC_SECRET = Buffer.from("12345678901234567890");

test("the values of RFC 6238, last six digits", () => {
  for (const [seconds, code] of [
    [59, "287082"],
    [1_111_111_109, "081804"],
    [1_234_567_890, "005924"],
    [20_000_000_000, "353130"],
  ] as const) {
    const at = seconds * 1_000;
    assert.equal(findTotpStep(RFC_SECRET, code, { lastStep: null, at }), Math.floor(seconds / 30));
  }
});

test("a code is good for its own step and its neighbours, and not after one that was accepted", () => {
  const step = Math.floor(1_111_111_109 / 30);
  const find = (offset: number, lastStep: number | null = null) =>
    findTotpStep(RFC_SECRET, "081804", { lastStep, at: (step + offset) * 30_000 });
  assert.deepEqual(
    [-2, -1, 0, 1, 2].map((offset) => find(offset)),
    [null, step, step, step, null],
  );
  assert.deepEqual([find(0, step - 1), find(0, step), find(0, step + 1)], [step, null, null]);
});

test("what is no code is no code", () => {
  for (const text of ["", "08180", "0818040", "08180a", " 081804", "٠٨١٨٠٤", "undefined"]) {
    assert.equal(findTotpStep(RFC_SECRET, text, { lastStep: null, at: 1_111_111_109_000 }), null, text);
  }
});

test("a secret is 160 random bits that an authenticator app can read", () => {
  const secret = createTotpSecret();
  assert.notDeepEqual(secret, createTotpSecret());
  const told = describeTotpSecret(secret, "ada@example.com");
  assert.match(told.secret, /^[A-Z2-7]{32}$/);
  const uri = new URL(told.uri);
  assert.deepEqual([uri.protocol, uri.host], ["otpauth:", "totp"]);
  assert.equal(decodeURIComponent(uri.pathname), "/Atelier:ada@example.com");
  const { searchParams: of } = uri;
  assert.deepEqual(
    [of.get("secret"), of.get("issuer"), of.get("algorithm"), of.get("digits"), of.get("period")],
    [told.secret, "Atelier", "SHA1", "6", "30"],
  );
});

test("ten recovery codes, all different, each known by its hash however it is typed", () => {
  const { codes, hashes } = createRecoveryCodes();
  assert.equal(new Set(codes).size, 10);
  assert.equal(hashes.length, 10);
  const [code = ""] = codes;
  assert.match(code, /^([A-HJ-NP-Z2-9]{4}-){3}[A-HJ-NP-Z2-9]{4}$/);
  for (const typed of [
    code,
    code.toLowerCase(),
    code.replaceAll("-", ""),
    ` ${code.replaceAll("-", " ")} `,
  ]) {
    assert.deepEqual(hashRecoveryCode(typed), hashes[0], typed);
  }
  assert.notDeepEqual(hashRecoveryCode(codes[1] ?? ""), hashes[0]);
});
