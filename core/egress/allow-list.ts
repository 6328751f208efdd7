// The host:port pairs an operator lets nodes reach although the guard would refuse them.
import { AppError } from "#core/domain/app-error.ts";
import { parseHostPort } from "#core/domain/host-port.ts";
import { parseAddress } from "./address-ranges.ts";

// Anything that could make the URL parser see more than a host.
const NOT_A_NAME = /[\s/\\?#@:[\]%]/u;

export type AllowList = {
  /** `host` is a name or an address in any spelling, with or without brackets. */
  has(host: string, port: number): boolean;
};

/** One spelling per host: lower case, punycode, plain dotted IPv4, no brackets, no final dot. Undefined when it is none. */
export function canonicalHost(raw: string): string | undefined {
  const address = parseAddress(raw.startsWith("[") && raw.endsWith("]") ? raw.slice(1, -1) : raw);
  if (address) return address.toString();
  if (raw === "" || NOT_A_NAME.test(raw)) return undefined;
  const url = URL.parse(`http://${raw}/`);
  if (!url) return undefined;
  // The URL parser turns 127.1, 0x7f.1 and 2130706433 into 127.0.0.1, as the resolver would.
  return url.hostname.endsWith(".") ? url.hostname.slice(0, -1) : url.hostname;
}

/** Reads `host:port` entries (IPv6 in brackets). Throws `invalid_config` that names every entry it cannot read. */
export function parseAllowList(entries: readonly string[]): AllowList {
  const pairs = new Set<string>();
  const problems = [];
  for (const entry of entries) {
    const pair = parseEntry(entry.trim());
    if (pair) pairs.add(pair);
    else
      problems.push({ path: entry, message: "is not host:port (no wildcard, no range, IPv6 in brackets)" });
  }
  if (problems.length > 0) {
    const named = problems.map((problem) => JSON.stringify(problem.path)).join(", ");
    throw new AppError("invalid_config", `ALLOW_PRIVATE_EGRESS: not host:port: ${named}`, { problems });
  }
  return { has: (host, port) => pairs.has(`${canonicalHost(host)} ${port}`) };
}

function parseEntry(entry: string): string | undefined {
  const pair = parseHostPort(entry);
  const host = pair && canonicalHost(pair.host);
  return host ? `${host} ${pair.port}` : undefined;
}
