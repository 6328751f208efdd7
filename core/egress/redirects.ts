// The next request after a redirect, by the rules of the Fetch standard, minus everything secret once the origin changes.
import { AppError } from "#core/domain/app-error.ts";
import { parseUrl } from "./request-rules.ts";

export type Hop = {
  url: URL;
  method: string;
  /** By lower-case name. */
  headers: ReadonlyMap<string, string>;
  body: string | Uint8Array | undefined;
};

export type RedirectOptions = {
  status: number;
  location: string;
  /** Lower-case names that stay with the first origin, on top of the well-known ones. */
  sensitive: ReadonlySet<string>;
};

// Also catches keys people write into plain headers: x-api-key, private-token, x-auth-token, x-amz-security-token …
const SECRET_NAME =
  /^cookie2?$|auth|api-?key|access-?key|functions-key|subscription-key|token|secret|passw|session|signature|credential/;
const BODY_HEADERS = ["content-encoding", "content-language", "content-location", "content-type"];

export const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);

/** Pure. Throws `egress_denied` for another scheme or a body that would leave TLS, `egress_invalid_request` for a bad address. */
export function nextHop(hop: Hop, { status, location, sensitive }: RedirectOptions): Hop {
  const url = parseUrl(location, hop.url);
  const headers = new Map(hop.headers);
  let { method, body } = hop;
  const becomesGet =
    status === 303
      ? method !== "GET" && method !== "HEAD"
      : (status === 301 || status === 302) && method === "POST";
  if (becomesGet) {
    method = "GET";
    body = undefined;
    for (const name of BODY_HEADERS) headers.delete(name);
  }
  // The scheme is part of the origin, so a step down from https loses the secrets too.
  if (url.origin !== hop.url.origin) {
    for (const name of hop.headers.keys()) {
      if (sensitive.has(name) || SECRET_NAME.test(name)) headers.delete(name);
    }
    if (body !== undefined && hop.url.protocol === "https:" && url.protocol === "http:") {
      throw new AppError("egress_denied", "a redirect from https to http would send the body in the clear");
    }
  }
  return { url, method, headers, body };
}
