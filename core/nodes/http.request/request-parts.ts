// Builds what goes out from the config: URL with query, headers and body.
import { AppError } from "#core/domain/app-error.ts";
import type { HttpRequestConfig } from "./definition.ts";

type Scalar = string | number | boolean | null;

/** Works on the text: parsing and printing a URL here could hide from egress what it would refuse. */
export function withQuery(url: string, query: HttpRequestConfig["query"] = {}): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (isGiven(each)) pairs.append(name, String(each));
    }
  }
  if (pairs.size === 0) return url;
  const [address = "", ...fragment] = url.split("#");
  const joint = address.includes("?") ? "&" : "?";
  return [`${address}${joint}${pairs}`, ...fragment].join("#");
}

/** undefined when nothing is to be sent; `contentType` is what goes unless the author's headers name one. */
export function encodeBody(body: unknown): { text: string; contentType: string } | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === "string") return { text: body, contentType: "text/plain; charset=utf-8" };
  return { text: JSON.stringify(body), contentType: "application/json" };
}

/** The author's headers win over `defaults`, whatever the case of their names. */
export function mergeHeaders(
  given: HttpRequestConfig["headers"] = {},
  defaults: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const own = Object.entries(given).flatMap(([name, value]) =>
    isGiven(value) ? [[name, String(value)]] : [],
  );
  const named = new Set(Object.keys(given).map((name) => name.toLowerCase()));
  const added = Object.entries(defaults).filter(
    ([name, value]) => value !== undefined && !named.has(name.toLowerCase()),
  );
  return Object.fromEntries([...own, ...added]);
}

/** Throws `invalid_config` where the author sets the same header by hand: which of the two was meant? */
export function withSecret(
  headers: Readonly<Record<string, string>>,
  secret: Readonly<Record<string, string>>,
): Record<string, string> {
  const names = new Set(Object.keys(secret).map((name) => name.toLowerCase()));
  const twice = Object.keys(headers).find((name) => names.has(name.toLowerCase()));
  if (twice !== undefined) {
    throw new AppError(
      "invalid_config",
      `The credential sets ${twice}; take it out of the node's own headers`,
    );
  }
  return { ...headers, ...secret };
}

// What describes the message and cannot be a secret; any other header of the author's may hold a key.
const HARMLESS = /^(?:accept(?:-.*)?|content-.*|user-agent|idempotency-key)$/i;

/** Names that must not follow a redirect to another origin. */
export function sensitiveHeaders(headers: Readonly<Record<string, string>>): string[] {
  return Object.keys(headers).filter((name) => !HARMLESS.test(name));
}

function isGiven(value: Scalar | undefined): value is string | number | boolean {
  return value !== null && value !== undefined;
}
