// One `host:port` pair as an operator writes it: no wildcard, no range, IPv6 in brackets.

const PAIR = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+):([0-9]{1,5})$/i;

/** The host as it was written (with its brackets) and the port; undefined for everything that is no such pair. */
export function parseHostPort(entry: string): { host: string; port: number } | undefined {
  const [, host = "", digits = ""] = PAIR.exec(entry) ?? [];
  const port = Number(digits);
  // The URL parser knows what the pattern does not: 999.1.1.1 and [::1::] are no hosts.
  return port >= 1 && port <= 65_535 && URL.canParse(`http://${host}/`) ? { host, port } : undefined;
}
