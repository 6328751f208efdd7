// Decides whether a node may talk to an address: the public internet only, unless the operator named the pair.
import { isIP } from "node:net";
import { AppError } from "#core/domain/app-error.ts";
import { isGlobalAddress } from "./address-ranges.ts";
import { canonicalHost, parseAllowList } from "./allow-list.ts";

// Mail, PostgreSQL, Redis: protocols that can be spoken to through an HTTP request or that are ours.
const BLOCKED_PORTS = [25, 5432, 6379];

export type Target = { hostname: string; address: string; port: number };

export type AddressPolicy = {
  /** Throws `egress_denied`. The message never tells what a name resolved to: that would map the inner network. */
  checkAddress(target: Target): void;
  /** The same before any resolution, for hosts written as an address: the resolver hook never sees those. */
  checkLiteral(target: { hostname: string; port: number }): void;
};

export type AddressPolicyOptions = {
  /** `host:port` entries of ALLOW_PRIVATE_EGRESS; each matches the requested name or the address, and exactly that port. */
  allowPrivate: readonly string[];
  /** This host's own addresses, asked anew each time because interfaces come and go. */
  ownAddresses?: () => readonly string[];
  /** Ports that are blocked otherwise and are meant here, because the caller speaks nothing but their own protocol. */
  ownPorts?: readonly number[];
};

/** Pure. Throws `invalid_config` for a malformed entry. */
export function createAddressPolicy(options: AddressPolicyOptions): AddressPolicy {
  const { allowPrivate, ownAddresses, ownPorts = [] } = options;
  const allowed = parseAllowList(allowPrivate);
  const blocked = new Set(BLOCKED_PORTS.filter((port) => !ownPorts.includes(port)));

  function checkAddress({ hostname, address, port }: Target): void {
    if (allowed.has(hostname, port) || allowed.has(address, port)) return;
    if (blocked.has(port)) throw denied(hostname, port, `port ${port} is not allowed`);
    if (!isGlobalAddress(address)) throw denied(hostname, port, "it is not a public address");
    // Services bound to all interfaces trust what comes from this host, also by its public address.
    const own = ownAddresses?.().map(canonicalHost) ?? [];
    if (own.includes(canonicalHost(address))) throw denied(hostname, port, "it is this host");
  }

  return {
    checkAddress,
    checkLiteral({ hostname, port }) {
      const host = canonicalHost(hostname) ?? "";
      // These names mean loopback by standard (RFC 6761), whatever a resolver makes of them.
      const address = host === "localhost" || host.endsWith(".localhost") ? "127.0.0.1" : host;
      if (isIP(address)) checkAddress({ hostname, address, port });
    },
  };
}

function denied(hostname: string, port: number, reason: string): AppError {
  return new AppError("egress_denied", `${hostname}:${port} may not be reached: ${reason}`, {
    details: { hostname, port },
  });
}
