/**
 * The networks and host names at which the operator allows storage nodes (`--allow-nodes`). Reserved addresses are
 * refused elsewhere, and no list allows them.
 */
import { BlockList, isIP, isIPv6 } from "node:net";
import { ShardgateError } from "../../core/error.js";

export class NodeAllowList {
  readonly #networks = new BlockList();
  readonly #hosts: readonly string[];
  /** Whether an address can be allowed by itself, whatever host name led to it. */
  readonly hasNetworks: boolean;

  /**
   * Parses `10.0.0.0/8,fd00::/8,10.1.2.3,nodes.internal`: networks, single addresses, and host names, each with all
   * names beneath it. Throws BAD_REQUEST.
   */
  constructor(text: string) {
    const entries = text.split(",").map((entry) => entry.trim().toLowerCase());
    const isNetwork = (entry: string): boolean => entry.includes("/") || isIP(entry) !== 0;
    for (const entry of entries.filter(isNetwork)) this.#addNetwork(entry);
    this.#hosts = entries.filter((entry) => !isNetwork(entry)).map(parseHost);
    this.hasNetworks = this.#hosts.length < entries.length;
  }

  allowsHost(host: string): boolean {
    return this.#hosts.some((allowed) => host === allowed || host.endsWith(`.${allowed}`));
  }

  /** `address` as node:net writes it. */
  allowsAddress(address: string): boolean {
    const [bare = ""] = address.split("%");
    return this.#networks.check(bare, isIPv6(bare) ? "ipv6" : "ipv4");
  }

  #addNetwork(entry: string): void {
    const [address = "", length, ...rest] = entry.split("/");
    const bitsMax = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    const bits = length === undefined ? bitsMax : /^\d{1,3}$/.test(length) ? Number(length) : Number.POSITIVE_INFINITY;
    if (bits > bitsMax || bitsMax < 0 || rest.length > 0 || address.includes("%")) {
      throw refused(`${JSON.stringify(entry)}, which is not a network such as 10.0.0.0/8 or fd00::/8`);
    }
    this.#networks.addSubnet(address, bits, bitsMax === 32 ? "ipv4" : "ipv6");
  }
}

/** The host name without leading and trailing dots; throws for a text that the URL parser would read as an address. */
function parseHost(entry: string): string {
  const host = entry.replace(/^\.|\.$/g, "");
  const isName = /^(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(host);
  if (isName && URL.canParse(`http://${host}`) && new URL(`http://${host}`).hostname === host) return host;
  throw refused(`${JSON.stringify(entry)}, which is neither a network, nor an address, nor a host name`);
}

function refused(problem: string): ShardgateError {
  return new ShardgateError("BAD_REQUEST", `The list of allowed storage nodes has ${problem}.`);
}
