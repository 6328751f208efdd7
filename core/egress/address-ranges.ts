// Which addresses belong to the public internet and are nobody's internal service.
import { isIP, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

// ipaddr.js calls everything it has no name for "unicast"; for IPv6 only this block was ever handed out as public.
const PUBLIC_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");

// Refused by name, whatever a later ipaddr.js may call them: each can carry an IPv4 address inside.
const IPV4_CARRIERS = ["::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"].map((cidr) =>
  ipaddr.IPv6.parseCIDR(cidr),
);

// Cloud metadata and platform services. 168.63.129.16 (Azure) is public address space; the others are
// private ranges already and stand here so that a change of those tables cannot open them.
const METADATA = new Set([
  "169.254.169.254",
  "168.63.129.16",
  "100.100.100.200",
  "192.0.0.192",
  "fd00:ec2::254",
]);

/** An IPv4 address mapped into IPv6 comes back as IPv4. Undefined for what no socket would take as an address. */
export function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (!isIP(address)) return undefined;
  if (!isIPv6(address)) return ipaddr.IPv4.parse(address);
  // ipaddr.js 2.5 reads ::8.8.8.8 as ::ffff:8.8.8.8, another address; the URL parser writes it in hex first.
  // A zone only picks the interface of a link-local address.
  const hex = new URL(`http://[${address.split("%", 1)[0]}]/`).hostname.slice(1, -1);
  return ipaddr.process(hex);
}

/** True for an address anybody on the internet may be asked to serve; false for all others and for what is no address. */
export function isGlobalAddress(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed?.range() !== "unicast" || METADATA.has(parsed.toString())) return false;
  if (parsed instanceof ipaddr.IPv4) return true;
  return parsed.match(PUBLIC_IPV6) && !IPV4_CARRIERS.some((carrier) => parsed.match(carrier));
}
