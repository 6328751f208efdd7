// The nonce of this page's answer: only style elements that carry it apply.

/** Empty while the page is served by Vite, which sends no policy. */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
}
