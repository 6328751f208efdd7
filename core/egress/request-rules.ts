// What a request may look like before anything is sent: URL, method and headers, each refused with a reason.
import { AppError } from "#core/domain/app-error.ts";
import { isHeaderName, isRefusedHeader } from "#core/domain/refused-headers.ts";

const CONTROL = /\p{Cc}/u;
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
const NOT_LATIN1 = /[^\u0020-\u00ff]/u;
const MAX_URL_LENGTH = 16_384;

const REFUSED_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

/** An absolute http(s) URL. Throws `egress_denied` for another scheme, else `egress_invalid_request`. */
export function parseUrl(raw: string, base?: URL): URL {
  if (raw.length > MAX_URL_LENGTH) throw invalid(`url is longer than ${MAX_URL_LENGTH} characters`);
  if (CONTROL.test(raw)) throw invalid("url contains a control character");
  const authority = raw.split(/[?#]/, 1)[0] ?? "";
  // Parsers disagree about a backslash, and that is how a check and a connection come to see two hosts.
  if (authority.includes("\\")) throw invalid("url contains a backslash");
  const url = URL.parse(raw, base?.href);
  if (!url) throw invalid("url is not a valid absolute URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new AppError("egress_denied", `only http and https may be requested, not ${url.protocol}`);
  }
  if (!base && !/^https?:\/\/[^/]/i.test(raw.trimStart()))
    throw invalid("url must start with http:// or https://");
  // An empty userinfo (http://@host) leaves no trace in the parsed URL, so the text is looked at as well.
  if (url.username !== "" || url.password !== "" || /^(?:[a-z]+:)?\/\/[^/]*@/i.test(authority.trimStart())) {
    throw invalid("url contains a user name or password; use a credential");
  }
  return url;
}

/** Upper-cased method. */
export function parseMethod(raw: string): string {
  const method = raw.toUpperCase();
  if (!TOKEN.test(raw) || REFUSED_METHODS.has(method)) throw invalid("method is not allowed");
  return method;
}

/** Headers by lower-case name. */
export function parseHeaders(raw: Readonly<Record<string, string>>): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [rawName, value] of Object.entries(raw)) {
    const name = rawName.toLowerCase();
    if (!isHeaderName(rawName)) throw invalid(`header name ${JSON.stringify(rawName)} is not allowed`);
    if (isRefusedHeader(name)) {
      throw invalid(`header ${rawName} is set by the client and cannot be overridden`);
    }
    if (headers.has(name)) throw invalid(`header ${rawName} is given twice`);
    if (typeof value !== "string") throw invalid(`header ${rawName} is not text`);
    // The value stays out of the message: it may be a secret.
    if (CONTROL.test(value) || NOT_LATIN1.test(value))
      throw invalid(`header ${rawName} holds a forbidden character`);
    headers.set(name, value);
  }
  return headers;
}

function invalid(message: string): AppError {
  return new AppError("egress_invalid_request", message);
}
