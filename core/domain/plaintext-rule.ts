// Whether a connection URL leaves this host without TLS, judged by the host and mode its driver will really use.
import { isIPv4 } from "node:net";

const POSTGRES_MODES = new Set(["require", "verify-ca", "verify-full"]);
// All others are either without effect or make ioredis connect elsewhere (host, path, sentinels) or in plain (tls).
const REDIS_PARAMETERS = new Set(["db", "family"]);

const IN_PLAIN = "is used without TLS on another host";
const OR_NAMED = "or name that host in ALLOW_PLAINTEXT";

/** What the driver takes from the process's environment when a URL leaves it open. */
export type PostgresDefaults = { PGHOST?: string | undefined; PGSSLMODE?: string | undefined };

/**
 * What is wrong with a PostgreSQL URL, or null. Read as pg 8.23 reads it: the last parameter wins, `host` wins over
 * the URL's own, and the modes in the list never fall back to plain text (`require` verifies there, too).
 * The answer holds nothing of the URL: a password with `@`, `/` or `?` in it may look like a host.
 */
export function postgresPlaintextFault(
  text: string,
  allowed: readonly string[],
  defaults: PostgresDefaults = {},
): string | null {
  // pg encodes such a URL once more before it reads it, which moves the ends of its parts.
  if (/\s|%(?![0-9a-f]{2})/i.test(text.trim())) return "holds a blank or a bare %; write them as %20 and %25";
  const url = URL.parse(text);
  if (!url) return null;
  const last = (name: string) => url.searchParams.getAll(name).at(-1) || undefined;
  const host = last("host") ?? (decode(url.hostname) || defaults.PGHOST || "localhost");
  if (host.startsWith("/") || isPlaintextAllowed(host, allowed)) return null;
  const mode = last("sslmode") ?? (url.searchParams.has("ssl") ? undefined : defaults.PGSSLMODE);
  const isOn = !url.searchParams.has("sslmode") && /^(true|1)$/.test(last("ssl") ?? "");
  if (isOn || POSTGRES_MODES.has(mode ?? "")) return null;
  return `${IN_PLAIN}; add sslmode=verify-full (require and verify-ca do as well), ${OR_NAMED}`;
}

/** What is wrong with a Redis URL, or null; as ioredis reads it. The answer holds nothing of the URL. */
export function redisPlaintextFault(text: string, allowed: readonly string[]): string | null {
  const url = URL.parse(text);
  if (!url) return null;
  if ([...url.searchParams.keys()].some((name) => !REDIS_PARAMETERS.has(name))) {
    return "has parameters other than db and family";
  }
  // ioredis looks for the scheme in small letters, and takes REDISS: for plain.
  if (text.trim().startsWith("rediss:") || isPlaintextAllowed(url.hostname || "localhost", allowed))
    return null;
  return `${IN_PLAIN}; use rediss: (in small letters), ${OR_NAMED}`;
}

/** This host itself, or one of the entries of ALLOW_PLAINTEXT. */
export function isPlaintextAllowed(host: string, allowed: readonly string[]): boolean {
  const plain = bare(host);
  const isLoopback = plain === "localhost" || plain === "::1" || (isIPv4(plain) && plain.startsWith("127."));
  return isLoopback || allowed.some((entry) => bare(entry) === plain);
}

function bare(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
