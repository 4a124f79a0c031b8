/** Names of storage nodes, good and evil, and a resolver that knows them and asks nobody. */
import type { Resolve } from "../../src/registry/address/node-guard.js";

const names: Readonly<Record<string, readonly string[]>> = {
  "good.example": ["10.0.0.1"],
  "both.example": ["169.254.169.254", "10.0.0.1", "fe80::1"],
  "evil.example": ["169.254.169.254"],
  "evil6.example": ["64:ff9b::a9fe:a9fe", "::ffff:169.254.169.254"],
  "none.example": [],
  "node1.internal": ["192.168.0.1"],
  // As a URL may end a name; resolvers take it so for a whole one.
  "evil.example.": ["169.254.169.254"],
  "node1.internal.": ["192.168.0.1"],
};

export const resolver: Resolve = async (host) => {
  const addresses = names[host];
  if (addresses === undefined) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
  return addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
};
