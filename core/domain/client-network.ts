// Which network an address stands for when attempts are counted, and what may name a trusted proxy.
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

const IPV6_BITS_OF_ONE_CLIENT = 64;

/**
 * The address as it is counted: IPv4 as it is, also when IPv6 carries it (`::ffff:192.0.2.1`), other IPv6 by its /64,
 * of which one household has them all. What is no address is counted as itself.
 */
export function clientNetwork(address: string): string {
  const plain = address.split("%")[0] ?? "";
  if (isIP(plain) === 0) return address;
  const parsed = ipaddr.process(plain);
  if (parsed.kind() === "ipv4") return parsed.toString();
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${parsed}/${IPV6_BITS_OF_ONE_CLIENT}`);
  return `${network}/${IPV6_BITS_OF_ONE_CLIENT}`;
}

/** An address or a CIDR that names some hosts; a network of all hosts would let everybody choose their own address. */
export function namesSomeHosts(text: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)) return !text.includes("%");
  return ipaddr.isValidCIDR(text) && ipaddr.parseCIDR(text)[1] > 0;
}
