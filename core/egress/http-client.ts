// The only way out over HTTP: every hop checked, every size and time bounded.
import { AppError } from "#core/domain/app-error.ts";
import { crashPoint } from "#core/domain/crash-points.ts";
import { createAddressPolicy } from "./address-policy.ts";
import { type ConnectionLimits, createConnectionPool, portOf } from "./connection-pool.ts";
import { withDeadline } from "./deadline.ts";
import { afterTrip, noteDeparture, type Trip, unlessAbandoned } from "./departure.ts";
import { toEgressError, tooLarge } from "./egress-errors.ts";
import { type Lookup, lookupAll, readOwnAddresses } from "./guarded-lookup.ts";
import { readBody } from "./read-body.ts";
import { type Hop, isRedirect, nextHop } from "./redirects.ts";
import { parseHeaders, parseMethod, parseUrl } from "./request-rules.ts";

export type EgressRequest = {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  signal?: AbortSignal;
  /** From the first look-up to the last byte, redirects included. Default 30,000. */
  timeoutMs?: number;
  /** For the body as sent and as decompressed. Default 10 MB. */
  maxResponseBytes?: number;
  /** Default 5; 0 returns the redirect itself. */
  maxRedirects?: number;
  /** Header names that must not follow a redirect to another origin, on top of the well-known ones. */
  sensitiveHeaders?: readonly string[];
};

export type EgressResponse = {
  status: number;
  /** By lower-case name; without content-encoding and content-length when the body was decompressed. */
  headers: Record<string, string | string[]>;
  body: Uint8Array;
  /** The URL that answered, after redirects. */
  url: string;
};

export type Egress = {
  /**
   * Any HTTP status is an answer. Throws AppError `egress_denied`, `egress_invalid_request`, `egress_too_large`,
   * `egress_too_many_redirects`, `timeout` or `egress_connection_failed`, or the signal's reason. `timeout` and
   * `egress_connection_failed` say by `inDoubt` whether a byte of a request may have left; after an abort the reason
   * comes back as it is where one may have, else as a copy that says so.
   */
  request(request: EgressRequest): Promise<EgressResponse>;
  /** Lets running requests end, then closes all connections. */
  close(): Promise<void>;
};

export type EgressOptions = {
  /** `host:port` entries of ALLOW_PRIVATE_EGRESS. */
  allowPrivate: readonly string[];
  /** Public addresses of this host that its interfaces do not show (behind NAT). */
  ownAddresses?: readonly string[];
  limits?: Partial<ConnectionLimits>;
  /** How names become addresses; the operating system's resolver by default. */
  lookup?: Lookup;
};

const LIMITS: ConnectionLimits = {
  connectTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  maxHeaderBytes: 32_768,
  connectionsPerOrigin: 256,
};
const DEFAULT_HEADERS = { accept: "*/*", "accept-encoding": "gzip, deflate, br", "user-agent": "atelier" };

/** Throws `invalid_config` for a malformed allow entry. */
export function createEgress({
  allowPrivate,
  ownAddresses,
  limits,
  lookup = lookupAll,
}: EgressOptions): Egress {
  const policy = createAddressPolicy({ allowPrivate, ownAddresses: () => readOwnAddresses(ownAddresses) });
  const pool = createConnectionPool({ policy, lookup, limits: { ...LIMITS, ...limits } });

  async function send({ url, method, headers, body }: Hop, trip: Trip, signal: AbortSignal) {
    // Before every request, because a kept connection resolves nothing and an address never does.
    policy.checkLiteral({ hostname: url.hostname, port: portOf(url) });
    const answer = pool.compose(noteDeparture(trip)).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: Object.fromEntries(headers),
      body: body ?? null,
      signal,
    });
    return await unlessAbandoned(answer, trip, signal);
  }

  async function follow(
    first: Hop,
    request: EgressRequest,
    trip: Trip,
    signal: AbortSignal,
  ): Promise<EgressResponse> {
    const { maxRedirects = 5, maxResponseBytes: maxBytes = 10 * 1024 * 1024 } = request;
    const sensitive = new Set(request.sensitiveHeaders?.map((name) => name.toLowerCase()));
    for (let hop = first, redirects = 0; ; redirects++) {
      const { statusCode: status, headers: rawHeaders, body } = await send(hop, trip, signal);
      crashPoint("worker.in_effect");
      const headers = present(rawHeaders);
      const location = isRedirect(status) ? single(headers.location) : undefined;
      if (location === undefined || maxRedirects === 0) {
        if (hop.method !== "HEAD" && Number(single(headers["content-length"])) > maxBytes) {
          discard(body);
          throw tooLarge(maxBytes);
        }
        const encoding = single(headers["content-encoding"]);
        const { bytes, decoded } = await readBody({ body, encoding, maxBytes });
        return {
          status,
          headers: decoded ? withoutCoding(headers) : headers,
          body: bytes,
          url: hop.url.href,
        };
      }
      discard(body);
      if (redirects >= maxRedirects) {
        throw new AppError("egress_too_many_redirects", `more than ${maxRedirects} redirects`);
      }
      hop = nextHop(hop, { status, location, sensitive });
    }
  }

  return {
    async request(request) {
      const hop = firstHop(request);
      const { timeoutMs = 30_000, signal } = request;
      const trip: Trip = { hasLeft: false };
      try {
        return await withDeadline({ timeoutMs, signal }, (deadline) =>
          follow(hop, request, trip, deadline).catch((error: unknown) => {
            throw toEgressError(error);
          }),
        );
      } catch (error) {
        throw afterTrip(error, trip, signal);
      }
    },
    close: () => pool.close(),
  };
}

function firstHop({ url, method, headers = {}, body }: EgressRequest): Hop {
  const given = parseHeaders(headers);
  return {
    url: parseUrl(url),
    method: parseMethod(method),
    headers: new Map([...Object.entries(DEFAULT_HEADERS), ...given]),
    body,
  };
}

function present(raw: Record<string, string | string[] | undefined>): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(raw)) if (value !== undefined) headers[name] = value;
  return headers;
}

function withoutCoding(headers: EgressResponse["headers"]): EgressResponse["headers"] {
  const { "content-encoding": _coding, "content-length": _length, ...rest } = headers;
  return rest;
}

const single = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(", ") : value;

/** Closes the connection instead of reading on: the rest of a redirect may be endless. */
function discard(body: { destroy(): unknown; on(event: "error", listener: () => void): unknown }): void {
  body.on("error", () => {});
  body.destroy();
}
