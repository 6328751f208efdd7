// Which headers of a delivery a workflow may see: what describes it, never what proves it.
import type { HookHeaders } from "./webhook.ts";

const KEPT: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "content-type",
  "idempotency-key",
  "user-agent",
  "webhook-id",
  "x-event-key",
  "x-event-type",
  "x-github-delivery",
  "x-github-event",
  "x-github-hook-id",
  "x-gitlab-event",
  "x-gitlab-event-uuid",
  "x-shopify-api-version",
  "x-shopify-event-id",
  "x-shopify-shop-domain",
  "x-shopify-topic",
  "x-shopify-triggered-at",
  "x-shopify-webhook-id",
  "x-slack-retry-num",
  "x-slack-retry-reason",
]);
const MAX_VALUE = 1_000;

/** `secret`: where this webhook's own proof stands, should that be one of them. Long values are cut. */
export function keptHeaders(
  headers: HookHeaders,
  secret: readonly (string | null)[],
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value !== undefined && KEPT.has(name) && !secret.includes(name)
        ? [[name, value.slice(0, MAX_VALUE).toWellFormed()]]
        : [],
    ),
  );
}
