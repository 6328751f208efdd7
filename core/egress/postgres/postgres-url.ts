// Reads the URL of a credential into what a connection needs, and refuses everything that would lead elsewhere.
import { AppError } from "#core/domain/app-error.ts";
import { isPlaintextAllowed } from "#core/domain/plaintext-rule.ts";
import { canonicalHost } from "../allow-list.ts";

export type PostgresTarget = {
  /** As the guard and certificates spell it. */
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** none: this host or one in ALLOW_PLAINTEXT; chain: any name in the certificate; full: this host's name. */
  tls: "none" | "chain" | "full";
  applicationName: string;
  /** Start-up options such as `-c search_path=app`. */
  options?: string;
};

// What pg or libpq know beyond these names another host, or a file of this one.
const PARAMETERS = new Set(["sslmode", "application_name", "connect_timeout", "channel_binding", "options"]);
const MAYBE_PLAIN = ["disable", "allow", "prefer"];
const TLS_BY_MODE: Readonly<Record<string, PostgresTarget["tls"]>> = {
  // Encrypted to whom, if nobody looks? As in pg, require is verify-full.
  require: "full",
  "verify-ca": "chain",
  "verify-full": "full",
};

/**
 * Without sslmode there is TLS, except to this host and those in `allowPlaintext`. Throws `sql_bad_url` and
 * `sql_plaintext_refused`; no message holds anything of the URL, in which a password may look like anything.
 */
export function readPostgresUrl(text: string, allowPlaintext: readonly string[]): PostgresTarget {
  const url = URL.parse(text);
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) throw badUrl("it is not postgres://…");
  const host = canonicalHost(url.hostname);
  if (!host) throw badUrl("it names no host, or more than one");
  const parameters = readParameters(url.searchParams);
  const user = decode(url.username);
  if (user === "") throw badUrl("it names no user");
  const options = parameters.get("options");
  return {
    host,
    port: url.port === "" ? 5432 : Number(url.port),
    user,
    password: decode(url.password),
    database: decode(url.pathname.slice(1)) || user,
    tls: tlsFor(parameters.get("sslmode"), isPlaintextAllowed(host, allowPlaintext)),
    applicationName: parameters.get("application_name") || "atelier",
    ...(options && { options }),
  };
}

function readParameters(given: URLSearchParams): Map<string, string> {
  const names = [...given.keys()];
  if (names.some((name) => !PARAMETERS.has(name)) || new Set(names).size < names.length) {
    throw badUrl(`behind the ? it may hold, once each, only ${[...PARAMETERS].join(", ")}`);
  }
  return new Map(given);
}

function tlsFor(mode: string | undefined, mayBePlain: boolean): PostgresTarget["tls"] {
  if (mode === undefined) return mayBePlain ? "none" : "full";
  const tls = TLS_BY_MODE[mode];
  if (tls) return tls;
  if (!MAYBE_PLAIN.includes(mode)) throw badUrl("its sslmode is none of PostgreSQL's");
  if (mayBePlain) return "none";
  throw new AppError(
    "sql_plaintext_refused",
    `sslmode=${mode} would send password and data in plain text to another host: use verify-full, or have the ` +
      "operator name that host in ALLOW_PLAINTEXT",
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badUrl("a % in it is not followed by two hexadecimal digits; write % as %25");
  }
}

function badUrl(reason: string): AppError {
  return new AppError("sql_bad_url", `The URL of the credential cannot be used: ${reason}`);
}
