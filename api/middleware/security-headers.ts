// Headers on every answer: nothing may be framed, sniffed, or load from elsewhere.
import type { Response } from "express";
import helmet from "helmet";

const OWN_STYLES = "style-src 'self'";

export function createSecurityHeaders() {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // Browsers heed it over TLS only, so it is safe to send always.
    strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: true },
    xFrameOptions: { action: "deny" },
    referrerPolicy: { policy: "no-referrer" },
    crossOriginResourcePolicy: { policy: "same-origin" },
  });
}

/**
 * Lets style elements with this nonce apply on this one page. The Studio's components write their theme and
 * responsive rules as such elements; scripts stay files of our own, and 'unsafe-inline' is not needed anywhere.
 */
export function allowStyleNonce(response: Response, nonce: string): void {
  const policy = String(response.getHeader("content-security-policy"));
  if (!policy.includes(OWN_STYLES)) throw new Error("the policy for styles is not the one this widens");
  response.setHeader("content-security-policy", policy.replace(OWN_STYLES, `${OWN_STYLES} 'nonce-${nonce}'`));
}
