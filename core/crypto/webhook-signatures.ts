// Whether a delivery comes from who knows the webhook's secret: over the exact bytes, before anything parses them.
import { createHash, createHmac } from "node:crypto";
import type { HookHeaders, VerifySettings, WebhookStyle } from "../domain/webhooks/webhook.ts";
import { constantTimeEqual } from "./tokens.ts";

/** `secrets`: the current one and, during an overlap, the one before. Empty where none can be read. */
export type Verifier = VerifySettings & { secrets: readonly Buffer[] };

export type SignedDelivery = { headers: HookHeaders; body: Buffer; nowMs: number };

/** For people with the webhook in front of them; a sender is told none of it. */
export type SignatureFault = "unsigned" | "bad_signature" | "bad_timestamp" | "unverifiable";

/**
 * `signature`: of what is signed with a time, and so is good for one delivery only, SHA-256 of the bytes it covers; else
 * null. Not of the signature itself: a sender may give one for each of several secrets.
 */
export type SignatureVerdict = { fault: null; signature: Buffer | null } | { fault: SignatureFault };

/** Either way. */
export const MAX_SKEW_MS = 300_000;
// Stripe sends one for each of its secrets that is good just now.
const MAX_SIGNATURES = 10;
const DIGEST_BYTES = 32;

/** Where a generic signature is looked for when the webhook does not say. */
const GENERIC_HEADERS = ["x-hub-signature-256", "x-signature-256", "x-signature"];

type Claim = {
  /** As they were sent. */
  signatures: string[];
  /** As it was sent, and what stands before the body where it is signed; null: the style has none. */
  time: { text: string | undefined; prefix: (text: string) => string } | null;
};

const CLAIMS: Readonly<Record<WebhookStyle, (settings: VerifySettings, headers: HookHeaders) => Claim>> = {
  generic: ({ header, timestampHeader }, headers) => ({
    signatures: (header === null ? GENERIC_HEADERS : [header])
      .flatMap((name) => headers[name] ?? [])
      .map((value) => value.replace(/^sha256=/i, "")),
    time: timestampHeader === null ? null : { text: headers[timestampHeader], prefix: (text) => `${text}.` },
  }),
  github: ({ header }, headers) => ({
    signatures: signaturesIn(headers[header ?? "x-hub-signature-256"], "sha256="),
    time: null,
  }),
  shopify: ({ header }, headers) => ({
    signatures: signaturesIn(headers[header ?? "x-shopify-hmac-sha256"], ""),
    time: null,
  }),
  slack: ({ header }, headers) => ({
    signatures: signaturesIn(headers[header ?? "x-slack-signature"], "v0="),
    time: { text: headers["x-slack-request-timestamp"], prefix: (text) => `v0:${text}:` },
  }),
  stripe({ header }, headers) {
    const parts = (headers[header ?? "stripe-signature"] ?? "").split(",").map((part) => part.trim());
    return {
      signatures: parts.filter((part) => part.startsWith("v1=")).map((part) => part.slice(3)),
      time: { text: parts.find((part) => part.startsWith("t="))?.slice(2), prefix: (text) => `${text}.` },
    };
  },
};

function signaturesIn(value: string | undefined, prefix: string): string[] {
  if (value === undefined) return [];
  return [value.startsWith(prefix) ? value.slice(prefix.length) : ""];
}

/** Never throws. What cannot be verified is refused (C7), and `none` is accepted only because somebody chose it. */
export function verifySignature(verifier: Verifier, delivery: SignedDelivery): SignatureVerdict {
  if (verifier.type === "none") return { fault: null, signature: null };
  if (verifier.secrets.length === 0) return { fault: "unverifiable" };
  if (verifier.type === "bearer") return verifyBearer(verifier, delivery.headers);
  if (verifier.type === "hmac-sha256" && verifier.style in CLAIMS) return verifyHmac(verifier, delivery);
  return { fault: "unverifiable" };
}

function verifyBearer({ header, secrets }: Verifier, headers: HookHeaders): SignatureVerdict {
  const value = headers[header ?? "authorization"];
  if (value === undefined) return { fault: "unsigned" };
  const given = value.replace(/^Bearer /i, "");
  // All are compared: which one it was is not told by the time.
  const equal = secrets.map((secret) => constantTimeEqual(given, secret));
  return equal.includes(true) ? { fault: null, signature: null } : { fault: "bad_signature" };
}

function verifyHmac(verifier: Verifier, { headers, body, nowMs }: SignedDelivery): SignatureVerdict {
  const { signatures, time } = CLAIMS[verifier.style](verifier, headers);
  if (signatures.length === 0) return { fault: "unsigned" };
  const prefix = time === null ? "" : time.prefix(time.text ?? "");
  const given = signatures.slice(0, MAX_SIGNATURES).map(decodeDigest);
  const digests = verifier.secrets.map((secret) =>
    createHmac("sha256", secret).update(prefix).update(body).digest(),
  );
  const right = digests.filter((digest) => given.map((one) => constantTimeEqual(one, digest)).includes(true));
  if (right.length === 0) return { fault: "bad_signature" };
  if (time === null) return { fault: null, signature: null };
  if (!isNow(time.text, nowMs)) return { fault: "bad_timestamp" };
  return { fault: null, signature: createHash("sha256").update(prefix).update(body).digest() };
}

/** From hex or base64; no bytes for what is neither, which equals nothing. */
function decodeDigest(text: string): Buffer {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  const bytes = /^[\w+/-]{43}=?$/.test(text) ? Buffer.from(text, "base64") : Buffer.alloc(0);
  return bytes.length === DIGEST_BYTES ? bytes : Buffer.alloc(0);
}

/** Seconds since 1970, or milliseconds where they cannot be seconds. */
function isNow(text: string | undefined, nowMs: number): boolean {
  if (text === undefined || !/^\d{9,13}$/.test(text)) return false;
  const ms = text.length === 13 ? Number(text) : Number(text) * 1_000;
  return Math.abs(nowMs - ms) <= MAX_SKEW_MS;
}
