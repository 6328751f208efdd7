// What tells one delivery of a webhook from another, so that one that comes again is not run again.
import { createHash } from "node:crypto";
import type { HookHeaders, WebhookStyle } from "./webhook.ts";

/** The names senders in general give their deliveries. */
const ID_HEADERS = ["idempotency-key", "webhook-id", "x-github-delivery", "x-shopify-webhook-id"];
const MAX_ID = 200;

export type IdentifiedDelivery = {
  style: WebhookStyle;
  headers: HookHeaders;
  /** Parsed, after it was verified. */
  body: unknown;
  /** SHA-256 of a signature that covers a time. */
  signature: Buffer | null;
};

/**
 * As it is kept: `id:` and what the sender calls it, else `sig:` and its signature where that covers a time. Null when
 * nothing tells it from another: two equal bodies are then two deliveries, and both run.
 */
export function deliveryIdOf({ style, headers, body, signature }: IdentifiedDelivery): string | null {
  const id = sendersId(style, headers, body);
  if (id) return `id:${/^[\x20-\x7e]+$/.test(id) && id.length <= MAX_ID ? id : digestOf(id)}`;
  return signature === null ? null : `sig:${signature.toString("hex")}`;
}

/** What people and workflows see of it: the sender's own word only. */
export function shownDeliveryId(kept: string): string | null {
  return kept.startsWith("id:") ? kept.slice("id:".length) : null;
}

/** Stripe and Slack sign it with the body, and send it again under new times and signatures. */
function sendersId(style: WebhookStyle, headers: HookHeaders, body: unknown): string | undefined {
  if (style === "stripe") return textIn(body, "id");
  if (style === "slack") return textIn(body, "event_id");
  return ID_HEADERS.map((name) => headers[name]).find((value) => value !== undefined && value !== "");
}

function textIn(body: unknown, key: string): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const value: unknown = (body as Record<string, unknown>)[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
