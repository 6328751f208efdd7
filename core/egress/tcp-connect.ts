// Guarded TCP for protocols that are not HTTP (databases): the same address policy, then a plain socket.
import net from "node:net";
import { AppError } from "#core/domain/app-error.ts";
import { type AddressPolicyOptions, createAddressPolicy } from "./address-policy.ts";
import { canonicalHost } from "./allow-list.ts";
import { timeoutError, toEgressError } from "./egress-errors.ts";
import {
  createGuardedLookup,
  type Lookup,
  lookupAll,
  readOwnAddresses,
  verifyPeer,
} from "./guarded-lookup.ts";

export type GuardedConnectOptions = Pick<AddressPolicyOptions, "allowPrivate" | "ownPorts"> & {
  ownAddresses?: readonly string[];
  lookup?: Lookup;
};
export type ConnectTarget = { host: string; port: number; timeoutMs: number; signal?: AbortSignal };
export type GuardedConnect = (target: ConnectTarget) => Promise<net.Socket>;

/**
 * The socket is connected and checked; from then on it is the caller's to close. Throws `egress_denied`,
 * `egress_invalid_request`, `timeout`, `egress_connection_failed`, or the signal's reason.
 */
export function createGuardedConnect(options: GuardedConnectOptions): GuardedConnect {
  const { allowPrivate, ownPorts = [], ownAddresses, lookup = lookupAll } = options;
  const policy = createAddressPolicy({
    allowPrivate,
    ownPorts,
    ownAddresses: () => readOwnAddresses(ownAddresses),
  });

  return async ({ host, port, timeoutMs, signal }) => {
    signal?.throwIfAborted();
    const hostname = canonicalHost(host);
    // An empty host means localhost to net.connect, and a path there means a unix socket.
    if (!hostname) throw new AppError("egress_invalid_request", "the host is not a name or an address");
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new AppError("egress_invalid_request", "the port is not between 1 and 65535");
    }
    policy.checkLiteral({ hostname, port });
    const socket = net.connect({
      host: hostname,
      port,
      lookup: createGuardedLookup({ policy, lookup, port }),
      noDelay: true,
    });
    try {
      await connected(socket, timeoutMs, signal);
      verifyPeer(policy, { hostname, port }, socket);
      return socket;
    } catch (error) {
      socket.destroy();
      if (signal?.aborted) throw signal.reason;
      throw toEgressError(error);
    }
  };
}

function connected(socket: net.Socket, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => socket.destroy(timeoutError(`no connection within ${timeoutMs} ms`)),
    timeoutMs,
  );
  const giveUp = () => socket.destroy(new Error("given up"));
  signal?.addEventListener("abort", giveUp, { once: true });
  // The error listener stays: a reset between here and the caller's own listener must not end the process.
  socket.once("connect", resolve).on("error", reject);
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  });
}
