/**
 * Prevents server-side request forgery: a caller who may register a storage node chooses its URL, and the owner of a
 * host name chooses its addresses, at each look-up. So the address is checked at every connection, and a registration
 * whose URL cannot pass is refused at once.
 */
import { isIP, type LookupFunction } from "node:net";
import { callbackify } from "node:util";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import { connectTimeoutMs } from "../../core/limits.js";
import type { NodeAllowList } from "./node-allow-list.js";
import { bareHost } from "./node-url.js";
import { reservedKind } from "./reserved-address.js";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** All addresses that `host` resolves to now, in order of preference. Rejects when there are none. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;

export interface NodeGuardParts {
  /** Null: every address but the reserved ones. */
  readonly allowList: NodeAllowList | null;
  /** Storage nodes are called over https only, so that every server proves its identity. */
  readonly isHttpsOnly: boolean;
  readonly resolve: Resolve;
  readonly clock: Clock;
}

/** The claimed address of a storage node; `hostname` as in a parsed URL. */
type Place = Pick<URL, "protocol" | "hostname">;

export class NodeGuard {
  readonly #parts: NodeGuardParts;

  constructor(parts: NodeGuardParts) {
    this.#parts = parts;
  }

  /** Throws BAD_REQUEST for a URL that no connection would be made to. A name that does not resolve yet is let through. */
  async check(url: string): Promise<void> {
    const place = new URL(url);
    const problem = this.problem(place) ?? (await this.#nameProblem(place.hostname));
    if (problem !== null) throw new ShardgateError("BAD_REQUEST", `The storage node's URL ${problem}.`);
  }

  /** The reason to refuse the URL, judged by its text alone: a clause without its subject. Null: none. */
  problem({ protocol, hostname }: Place): string | null {
    if (this.#parts.isHttpsOnly && protocol !== "https:")
      return "does not start with https://, which the gateway requires";
    const host = bareHost(hostname);
    if (isIP(host) !== 0) return this.#addressProblem(host, host);
    const { allowList } = this.#parts;
    if (allowList === null || allowList.hasNetworks || allowList.allowsHost(host)) return null;
    return `names ${host}, which the gateway does not allow`;
  }

  /**
   * A `lookup` for net.connect, which connects only to addresses that it returned. `refusal` makes an error of such a
   * clause.
   */
  lookup(refusal: (problem: string) => Error): LookupFunction {
    const find = callbackify((host: string) => this.#find(host, refusal));
    return (host, options, callback) =>
      find(host, (error, addresses) => {
        const [first] = addresses ?? [];
        if (error !== null || first === undefined) callback(error, []);
        else if (options.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      });
  }

  /** Never empty. */
  async #find(host: string, refusal: (problem: string) => Error): Promise<ResolvedAddress[]> {
    const addresses = await this.#parts.resolve(host);
    const allowed = this.#allowed(host, addresses);
    if (allowed.length === 0) throw refusal(this.#resolvedProblem(host, addresses));
    return allowed;
  }

  async #nameProblem(host: string): Promise<string | null> {
    if (isIP(bareHost(host)) !== 0) return null;
    const addresses = await this.#resolvedInTime(host);
    if (addresses.length === 0 || this.#allowed(host, addresses).length > 0) return null;
    return this.#resolvedProblem(host, addresses);
  }

  #allowed(host: string, addresses: readonly ResolvedAddress[]): ResolvedAddress[] {
    return addresses.filter(({ address }) => this.#addressProblem(bareHost(host), address) === null);
  }

  #resolvedProblem(host: string, [first]: readonly ResolvedAddress[]): string {
    const problem = first === undefined ? null : this.#addressProblem(bareHost(host), first.address);
    return problem ?? `names ${host}, which has no address`;
  }

  #addressProblem(host: string, address: string): string | null {
    const where = host === address ? `names ${address}` : `names ${host}, which is at ${address}`;
    const kind = reservedKind(address);
    if (kind !== null) return `${where}, ${kind}`;
    const { allowList } = this.#parts;
    if (allowList === null || allowList.allowsHost(host) || allowList.allowsAddress(address)) return null;
    return `${where}, which the gateway does not allow`;
  }

  /** Empty when it takes too long, or fails. */
  #resolvedInTime(host: string): Promise<readonly ResolvedAddress[]> {
    const { resolve, clock } = this.#parts;
    return new Promise((settle) => {
      const cancel = clock.after(connectTimeoutMs, () => settle([]));
      resolve(host)
        .catch(() => [])
        .then(settle)
        .finally(cancel);
    });
  }
}
