/**
 * Divides a resource among clients: each may hold as much as is still free. A single client gets half, two get a third
 * each, and so on, so that there is always room for the next one, however much the others use, and the number of
 * clients need not be known. (Dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking, 1998.)
 */

/**
 * Why a request for more is refused: "all" when there is not enough for any client, "own" when this client holds its
 * share.
 */
export type Shortage = "all" | "own";

export class FairShare {
  readonly #max: number;
  readonly #clientMax: number;
  readonly #held = new Map<string, number>();
  #used = 0;
  /** The part of what clients hold that does not reduce the shares of others: see `ownFrom`. */
  #excess = 0;
  readonly #ownFrom: number;

  /**
   * `clientMax` is the most that one client may hold, whatever is free. `add` may exceed that: what a client holds
   * beyond `ownFrom` does not reduce what is free for the others.
   */
  constructor(max: number, clientMax = max, ownFrom = Infinity) {
    this.#max = max;
    this.#clientMax = clientMax;
    this.#ownFrom = ownFrom;
  }

  /** The total that all clients hold. */
  get used(): number {
    return this.#used;
  }

  /** Gives `amount` to `client` and returns null; or gives nothing and returns the reason. */
  take(client: string, amount: number): Shortage | null {
    const shortage = this.shortage(client, amount);
    if (shortage === null) this.add(client, amount);
    return shortage;
  }

  /** Why `client` cannot have `amount` more; null when it can. */
  shortage(client: string, amount: number): Shortage | null {
    const free = this.#max - this.#used + this.#excess;
    if (amount > free) return "all";
    const wanted = (this.#held.get(client) ?? 0) + amount;
    return wanted > free || wanted > this.#clientMax ? "own" : null;
  }

  /** Counts an amount that the client holds already, even if it exceeds the share. */
  add(client: string, amount: number): void {
    const before = this.#held.get(client) ?? 0;
    this.#used += amount;
    this.#excess += this.#excessOf(before + amount) - this.#excessOf(before);
    this.#held.set(client, before + amount);
  }

  giveBack(client: string, amount: number): void {
    const before = this.#held.get(client) ?? 0;
    const left = before - amount;
    this.#used -= amount;
    this.#excess += this.#excessOf(left) - this.#excessOf(before);
    if (left > 0) this.#held.set(client, left);
    else this.#held.delete(client);
  }

  #excessOf(held: number): number {
    return Math.max(0, held - this.#ownFrom);
  }
}
