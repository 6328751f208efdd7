// What a webhook is set up with: how its sender proves who it is.

export const VERIFY_TYPES = ["hmac-sha256", "bearer", "none"] as const;
export type VerifyType = (typeof VERIFY_TYPES)[number];

/** Whose way of signing: where the signature stands, how it is written, and what it covers. */
export const WEBHOOK_STYLES = ["generic", "github", "stripe", "shopify", "slack"] as const;
export type WebhookStyle = (typeof WEBHOOK_STYLES)[number];

export type VerifySettings = {
  type: VerifyType;
  style: WebhookStyle;
  /** Where the signature or the bearer's secret stands, in small letters; null: where the style has it. */
  header: string | null;
  /** Where a generic sender puts the time it signs with the body, in small letters; null: it signs the body alone. */
  timestampHeader: string | null;
};

export const DEFAULT_OVERLAP_SECONDS = 24 * 3_600;
export const MAX_OVERLAP_SECONDS = 7 * 24 * 3_600;

/** Names in small letters → values; a header that came twice is one text, joined by commas. */
export type HookHeaders = Readonly<Record<string, string | undefined>>;
