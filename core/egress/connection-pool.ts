// Keep-alive connections per origin, each opened through the address policy.
import { Agent, buildConnector, Pool } from "undici";
import type { AddressPolicy } from "./address-policy.ts";
import { createGuardedLookup, type Lookup, verifyPeer } from "./guarded-lookup.ts";

export type ConnectionLimits = {
  connectTimeoutMs: number;
  /** Longest silence while waiting for headers or between two pieces of a body. */
  idleTimeoutMs: number;
  maxHeaderBytes: number;
  connectionsPerOrigin: number;
};

export type ConnectionPoolOptions = { policy: AddressPolicy; lookup: Lookup; limits: ConnectionLimits };

/** A pool never serves two origins, so a connection made for an allowed pair cannot carry a request for another. */
export function createConnectionPool({ policy, lookup, limits }: ConnectionPoolOptions): Agent {
  // An Agent looks at no proxy variable of the environment; the proxy-aware one is another class.
  return new Agent({
    factory(origin) {
      const url = new URL(origin);
      return new Pool(origin, {
        connect: guardedConnector({
          policy,
          lookup,
          port: portOf(url),
          connectTimeoutMs: limits.connectTimeoutMs,
        }),
        connections: limits.connectionsPerOrigin,
        maxHeaderSize: limits.maxHeaderBytes,
        headersTimeout: limits.idleTimeoutMs,
        bodyTimeout: limits.idleTimeoutMs,
        keepAliveMaxTimeout: 60_000,
        pipelining: 1,
        allowH2: false,
      });
    },
  });
}

export const portOf = (url: URL): number => Number(url.port) || (url.protocol === "https:" ? 443 : 80);

type ConnectorOptions = { policy: AddressPolicy; lookup: Lookup; port: number; connectTimeoutMs: number };

function guardedConnector({
  policy,
  lookup,
  port,
  connectTimeoutMs,
}: ConnectorOptions): buildConnector.connector {
  const connect = buildConnector({
    lookup: createGuardedLookup({ policy, lookup, port }),
    timeout: connectTimeoutMs,
    allowH2: false,
    // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 cannot switch certificates off.
    rejectUnauthorized: true,
  });
  return (options, callback) => {
    connect(options, (error, socket) => {
      if (error) return callback(error, null);
      try {
        verifyPeer(policy, { hostname: options.hostname, port }, socket);
      } catch (denied) {
        return callback(denied instanceof Error ? denied : new Error(String(denied)), null);
      }
      callback(null, socket);
    });
  };
}
