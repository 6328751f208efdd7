// What tells one delivery of a webhook from another, so that one that comes again is not run again.
import { createHash } from "node:crypto";
import { canonicalJson } from "../canonical-json.ts";
import type { HookHeaders, WebhookStyle } from "./webhook.ts";

/** The names senders in general give their deliveries. */
export const ID_HEADERS: readonly string[] = [
  "idempotency-key",
  "webhook-id",
  "x-github-delivery",
  "x-shopify-webhook-id",
];
/** Stripe and Slack sign it with the body, and send it again under new times and signatures. */
const SIGNED_IDS: Partial<Record<WebhookStyle, string>> = { stripe: "id", slack: "event_id" };
const MAX_ID = 200;

export type IdentifiedDelivery = {
  style: WebhookStyle;
  /** Without those that prove who sends it: an id is kept in clear text. */
  headers: HookHeaders;
  /** The bytes that were verified, whatever they say they are. */
  body: Buffer;
  /** SHA-256 of what is signed with a time. */
  signature: Buffer | null;
};

/**
 * As it is kept: `id:` and what the sender calls it, else `sig:` and its signature where that covers a time. Null when
 * nothing tells it from another: two equal bodies are then two deliveries, and both run.
 */
export function deliveryIdOf({ style, headers, body, signature }: IdentifiedDelivery): string | null {
  const id = SIGNED_IDS[style] ? textIn(body, SIGNED_IDS[style]) : idInHeaders(headers);
  if (id) return `id:${/^[\x20-\x7e]+$/.test(id) && id.length <= MAX_ID ? id : digestOf(id)}`;
  return signature === null ? null : `sig:${signature.toString("hex")}`;
}

/**
 * SHA-256 of what a workflow makes of a delivery whose id stands in a header, which nobody signs: of its query, its
 * content type and its bytes. Null where the id is signed with the body: Stripe's second try holds other counts.
 */
export function contentOf(
  { style, headers, body }: Pick<IdentifiedDelivery, "style" | "headers" | "body">,
  query: unknown,
): Buffer | null {
  if (SIGNED_IDS[style] || !idInHeaders(headers)) return null;
  const around = canonicalJson({ query, type: headers["content-type"] ?? null });
  return createHash("sha256").update(around).update("\n").update(body).digest();
}

/** What people and workflows see of it: the sender's own word only. */
export function shownDeliveryId(kept: string): string | null {
  return kept.startsWith("id:") ? kept.slice("id:".length) : null;
}

function idInHeaders(headers: HookHeaders): string | undefined {
  return ID_HEADERS.map((name) => headers[name]).find((value) => value !== undefined && value !== "");
}

/** Of bytes that are a JSON object; the Content-Type is not signed, so it is not asked. */
function textIn(body: Buffer, key: string): string | undefined {
  const parsed = parse(body);
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const value: unknown = (parsed as Record<string, unknown>)[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
