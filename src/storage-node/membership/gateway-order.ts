/**
 * Which of its gateways a storage node asks first, and which ones when that one gives no usable answer. It stays with
 * the leader that answers name, or else with the gateway that answered last. Pure: the caller passes the time.
 */

/**
 * How long a leader that was silent is not asked again because another gateway names it. This node may be the only one that
 * cannot reach it: then each heartbeat would wait for its deadline first.
 */
const silentLeaderPauseMs = 30_000;
/** How long a gateway that was silent is asked after the others, and not at all when one of them refused. */
const silentPauseMs = 3_000;

export class GatewayOrder {
  readonly #given: readonly string[];
  /** The one to ask first is first. */
  #list: readonly string[];
  /** Asked before the list; null: none is known, or it is not to be asked. */
  #leader: string | null = null;
  /** When gateways that have not answered since were silent last. */
  readonly #silentAtMs = new Map<string, number>();

  /** `given` has at least one URL. */
  constructor(given: readonly string[]) {
    this.#given = [...new Set(given)];
    this.#list = this.#given;
  }

  /** Whether there is another gateway to ask when one is silent. */
  get hasSeveral(): boolean {
    return this.#list.some((url) => url !== (this.#leader ?? this.#list[0]));
  }

  /** All gateways to ask, each once, in this order. */
  round(nowMs: number): readonly string[] {
    const leader = this.#leader;
    const all = leader === null ? this.#list : [leader, ...this.#without(leader)];
    return [...all.filter((url) => !this.isSilent(url, nowMs)), ...all.filter((url) => this.isSilent(url, nowMs))];
  }

  /** Whether waiting for `url` would keep the node from asking others again, which answer at once while none leads. */
  isSilent(url: string, nowMs: number): boolean {
    return this.#wasSilent(url, silentPauseMs, nowMs);
  }

  /** `url` gave a usable answer, which named `leader`; null: it named none. */
  answered(url: string, leader: string | null, nowMs: number): void {
    if (this.#list.includes(url)) this.#list = [url, ...this.#without(url)];
    this.#silentAtMs.delete(url);
    if (leader === null) this.#leader = url === this.#leader ? url : null;
    else this.#leader = this.#mayAsk(leader, url, nowMs) ? leader : null;
  }

  /** `url` gave no answer in time. */
  silent(url: string, nowMs: number): void {
    if (this.#list.includes(url)) this.#list = [...this.#without(url), url];
    if (url === this.#leader) this.#leader = null;
    for (const known of this.#silentAtMs.keys()) {
      if (!this.#wasSilent(known, silentLeaderPauseMs, nowMs)) this.#silentAtMs.delete(known);
    }
    this.#silentAtMs.set(url, nowMs);
  }

  /** `url` answered that it can do nothing for the storage node now. */
  unable(url: string): void {
    this.#silentAtMs.delete(url);
    if (url === this.#leader) this.#leader = null;
  }

  /** A gateway refused the storage node for good. The next round begins as the first one did: that gateway may be a wrong one. */
  refused(): void {
    this.#list = this.#given;
    this.#leader = null;
    this.#silentAtMs.clear();
  }

  #without(url: string): readonly string[] {
    return this.#list.filter((other) => other !== url);
  }

  #wasSilent(url: string, withinMs: number, nowMs: number): boolean {
    const atMs = this.#silentAtMs.get(url);
    return atMs !== undefined && nowMs - atMs < withinMs;
  }

  /** The node's token is never sent in the clear because a gateway that was called over TLS named an http URL. */
  #mayAsk(leader: string, namedBy: string, nowMs: number): boolean {
    if (namedBy.startsWith("https:") && !leader.startsWith("https:")) return false;
    return !this.#wasSilent(leader, silentLeaderPauseMs, nowMs);
  }
}
