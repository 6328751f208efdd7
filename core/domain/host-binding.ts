// To which hosts a credential may go: patterns a person writes, and the one rule that compares them with an address.

/**
 * Where a request goes; `isUsual`: the port is the one its protocol has by itself. Plain http has none: whoever is on
 * the way reads what goes there, so it wants its port written down.
 */
export type Target = { host: string; port: number; isUsual: boolean };

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  "http:": 80,
  "https:": 443,
  "postgres:": 5432,
  "postgresql:": 5432,
};

const MAX_PATTERN = 260;

/**
 * The one spelling of a pattern: `*`, `host`, `host:port`, `*.domain` or `*.domain:port` (IPv6 in brackets); undefined
 * for everything else. Names become lower case and punycode, addresses plain, as a request's own host does.
 */
export function canonicalPattern(raw: string): string | undefined {
  const text = raw.trim();
  if (text === "*") return text;
  if (text.length > MAX_PATTERN) return undefined;
  const isWild = text.startsWith("*.");
  const [, host = "", digits] =
    /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(isWild ? text.slice(2) : text) ?? [];
  // With a label in front, what looks like an address is no name any more, so *.0.0.1 is refused.
  const canonical = canonicalHost(isWild ? `x.${host}` : host);
  const port = digits === undefined ? null : Number(digits);
  if (canonical === undefined || (port !== null && (port < 1 || port > 65_535))) return undefined;
  const name = isWild ? `*.${canonical.slice(2)}` : canonical;
  return port === null ? name : `${name}:${port}`;
}

/** Of an absolute URL with a protocol that credentials are made for; undefined for all else. */
export function targetOf(url: string): Target | undefined {
  const parsed = URL.parse(url);
  const usual = DEFAULT_PORTS[parsed?.protocol ?? ""];
  if (!parsed || usual === undefined) return undefined;
  // Only for http and https does the URL parser know what a host is.
  const host = canonicalHost(parsed.hostname);
  if (host === undefined) return undefined;
  const port = parsed.port === "" ? usual : Number(parsed.port);
  return { host, port, isUsual: port === usual && parsed.protocol !== "http:" };
}

/**
 * Whether a credential with these patterns may go there. A pattern without a port stands for the protocol's usual one
 * only and never for plain http, `*.domain` for every name below the domain and not for the domain itself; no patterns allow nothing.
 */
export function isHostAllowed(patterns: readonly string[], target: Target): boolean {
  return patterns.some((pattern) => {
    if (pattern === "*") return true;
    const [, host = "", digits] = /^(.*?)(?::(\d+))?$/.exec(pattern) ?? [];
    if (digits === undefined ? !target.isUsual : Number(digits) !== target.port) return false;
    return host.startsWith("*.") ? target.host.endsWith(host.slice(1)) : target.host === host;
  });
}

/** For messages and the audit log: `host`, with the port where it is not the usual one. */
export function showTarget({ host, port, isUsual }: Target): string {
  return isUsual ? host : `${host}:${port}`;
}

/** Why not, and what to do about it. */
export function hostRefusal(name: string, allowedHosts: readonly string[], target: Target): string {
  const host = showTarget(target);
  if (allowedHosts.length === 0) {
    return `"${name}" is not bound to any host yet: set its allowedHosts (${host}) with PATCH /api/credentials/:id`;
  }
  return `"${name}" may go to ${allowedHosts.join(", ")}, not to ${host}; add ${host} to its allowedHosts if it should`;
}

function canonicalHost(host: string): string | undefined {
  if (host === "" || /[\s/\\?#@*%]/.test(host)) return undefined;
  const hostname = URL.parse(`http://${host}/`)?.hostname;
  return hostname ? withoutDot(hostname) : undefined;
}

function withoutDot(host: string): string {
  return host.endsWith(".") ? host.slice(0, -1) : host;
}
