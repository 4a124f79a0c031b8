/**
 * Addresses that no storage node can have, but that an attacker may want a gateway to call: clouds serve credentials at
 * link-local and metadata addresses, and the others mean this host or many hosts. Each is recognized in every IPv6 form
 * of an IPv4 address.
 */
import { BlockList, isIPv6 } from "node:net";

/** What kind of reserved address `address` is, with its article; null when it is none. As node:net writes addresses. */
export function reservedKind(address: string): string | null {
  // A zone (RFC 4007) names the interface, and does not change the address.
  const [bare = ""] = address.split("%");
  const family = isIPv6(bare) ? "ipv6" : "ipv4";
  return reserved.find(({ addresses }) => addresses.check(bare, family))?.kind ?? null;
}

interface ReservedAddresses {
  readonly kind: string;
  readonly addresses: BlockList;
}

/** IPv4-compatible, IPv4-mapped (RFC 4291), IPv4-translated (RFC 2765) and NAT64 (RFC 6052). */
const embeddings = ["::", "::ffff:", "::ffff:0:", "64:ff9b::"] as const;

const reserved: readonly ReservedAddresses[] = [
  {
    kind: "a link-local or metadata address",
    addresses: listOf(
      // Beside 169.254.169.254: Alibaba, Azure, Oracle; then AWS, Scaleway and Google over IPv6.
      ["169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"],
      ["fe80::/10", "fd00:ec2::/32", "fd00:42::42/128", "fd20:ce::254/128"],
    ),
  },
  // Only `::` itself of the IPv4-compatible ones: ::1 is loopback.
  { kind: "an unspecified address", addresses: listOf(["0.0.0.0/8"], ["::/128"], ["::"]) },
  { kind: "a multicast or broadcast address", addresses: listOf(["224.0.0.0/4", "255.255.255.255/32"], ["ff00::/8"]) },
  // Teredo (RFC 4380) and locally chosen NAT64 (RFC 8215): the IPv4 address in it is unknown.
  { kind: "an address that hides another one", addresses: listOf([], ["2001::/32", "64:ff9b:1::/48"]) },
];

function listOf(
  ipv4: readonly string[],
  ipv6: readonly string[],
  unlike: readonly (typeof embeddings)[number][] = [],
): BlockList {
  const list = new BlockList();
  for (const [network, length] of ipv6.map(parts)) list.addSubnet(network, length, "ipv6");
  for (const [network, length] of ipv4.map(parts)) {
    list.addSubnet(network, length, "ipv4");
    for (const prefix of embeddings)
      if (!unlike.includes(prefix)) list.addSubnet(prefix + network, 96 + length, "ipv6");
    // 6to4 (RFC 3056) has the IPv4 address behind its first sixteen bits.
    const bytes = network.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
    list.addSubnet(`2002:${bytes[0]}${bytes[1]}:${bytes[2]}${bytes[3]}::`, 16 + length, "ipv6");
  }
  return list;
}

function parts(subnet: string): readonly [network: string, length: number] {
  const [network = "", length = ""] = subnet.split("/");
  return [network, Number(length)];
}
