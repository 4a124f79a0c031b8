/**
 * Which of its gateways a storage node asks first, and which ones when that one gives no usable answer. It stays with the
 * leader that answers name, or else with the gateway that answered last. Pure: the caller says what time it is.
 */

/**
 * How long a leader that was silent is not asked again because another gateway names it. This node may be the only one that
 * cannot reach it: then each heartbeat would wait for its deadline first.
 */
const leaderPauseMs = 30_000;

export class GatewayOrder {
  readonly #given: readonly string[];
  /** The one to ask first is first. */
  #list: readonly string[];
  /** Asked before the list; null: none is known, or it is not to be asked. */
  #leader: string | null = null;
  #silentLeader: { readonly url: string; readonly untilMs: number } | null = null;

  /** `given` has at least one URL. */
  constructor(given: readonly string[]) {
    this.#given = given;
    this.#list = given;
  }

  /** All gateways to ask, each once, in this order. */
  get round(): readonly string[] {
    const leader = this.#leader;
    return leader === null ? this.#list : [leader, ...this.#without(leader)];
  }

  /** `url` gave a usable answer, which named `leader`; null: it named none. */
  answered(url: string, leader: string | null, nowMs: number): void {
    if (this.#list.includes(url)) this.#list = [url, ...this.#without(url)];
    if (this.#silentLeader?.url === url) this.#silentLeader = null;
    if (leader === null) this.#leader = url === this.#leader ? url : null;
    else this.#leader = this.#mayAsk(leader, url, nowMs) ? leader : null;
  }

  /** `url` gave no answer in time. */
  silent(url: string, nowMs: number): void {
    if (this.#list.includes(url)) this.#list = [...this.#without(url), url];
    if (url !== this.#leader) return;
    this.#leader = null;
    this.#silentLeader = { url, untilMs: nowMs + leaderPauseMs };
  }

  /** `url` answered that it can do nothing for the storage node now. */
  unable(url: string): void {
    if (url === this.#leader) this.#leader = null;
  }

  /** A gateway refused the storage node for good. The next round begins as the first one did: that gateway may be a wrong one. */
  refused(): void {
    this.#list = this.#given;
    this.#leader = null;
  }

  #without(url: string): readonly string[] {
    return this.#list.filter((other) => other !== url);
  }

  /** The node's token is never sent in the clear because a gateway that was called over TLS says so. */
  #mayAsk(leader: string, namedBy: string, nowMs: number): boolean {
    if (namedBy.startsWith("https:") && !leader.startsWith("https:")) return false;
    return this.#silentLeader?.url !== leader || nowMs >= this.#silentLeader.untilMs;
  }
}
