// Name resolution that checks every answer and hands the socket exactly the checked ones, so nothing can change in between.
import { lookup as systemLookup } from "node:dns/promises";
import { isIP, type LookupFunction, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import type { AddressPolicy } from "./address-policy.ts";

export type ResolvedAddress = { address: string; family: number };
export type Lookup = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** All addresses of a name as the operating system sees them (hosts file included). */
export const lookupAll: Lookup = (hostname) => systemLookup(hostname, { all: true });

/** Addresses of this host's interfaces, and `extra` ones it is reached by from outside (behind NAT). */
export function readOwnAddresses(extra: readonly string[] = []): readonly string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return [...interfaces.map((entry) => entry.address), ...extra];
}

export type GuardedLookupOptions = { policy: AddressPolicy; lookup: Lookup; port: number };

/** A `lookup` hook for net and tls sockets. One refused answer refuses the name: `egress_denied`. */
export function createGuardedLookup({ policy, lookup, port }: GuardedLookupOptions): LookupFunction {
  async function resolveChecked(hostname: string): Promise<[ResolvedAddress, ...ResolvedAddress[]]> {
    const answers = await lookup(hostname);
    const checked = answers.map(({ address }) => {
      policy.checkAddress({ hostname, address, port });
      return { address, family: isIP(address) };
    });
    const [first, ...rest] = checked;
    if (!first) throw Object.assign(new Error(`${hostname} has no address`), { code: "ENOTFOUND" });
    return [first, ...rest];
  }

  return (hostname, options, callback) => {
    resolveChecked(hostname).then(
      (checked) =>
        options.all ? callback(null, checked) : callback(null, checked[0].address, checked[0].family),
      (error) => callback(error, ""),
    );
  };
}

/** Second wall after connecting: destroys the socket and throws `egress_denied` when its peer is not one to talk to. */
export function verifyPeer(
  policy: AddressPolicy,
  target: { hostname: string; port: number },
  socket: Socket,
): void {
  try {
    policy.checkAddress({ ...target, address: socket.remoteAddress ?? "" });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
