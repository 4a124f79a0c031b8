/**
 * What all clients draw on together: each may hold as much of it as is still free. A client alone gets half, two get a
 * third each, and so on, so that there is always room for the next, however greedy the others are, and nobody has to say
 * how many clients there will be. (Dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking, 1998.)
 */

/** Why nothing more is given: nobody would get it, or this client holds its share. */
export type Shortage = "all" | "own";

export class FairShare {
  readonly #max: number;
  readonly #clientMax: number;
  readonly #held = new Map<string, number>();
  #used = 0;
  /** Of what clients hold, the part that others do not have to go without: see `ownFrom`. */
  #excess = 0;
  readonly #ownFrom: number;

  /**
   * `clientMax` is the most that one client may hold, whatever is free. Where more than that is `add`ed, what a client
   * holds beyond `ownFrom` takes nothing away from the others.
   */
  constructor(max: number, clientMax = max, ownFrom = Infinity) {
    this.#max = max;
    this.#clientMax = clientMax;
    this.#ownFrom = ownFrom;
  }

  /** What is held by all clients. */
  get used(): number {
    return this.#used;
  }

  /** Gives `client` so much more; or nothing, and says why. */
  take(client: string, amount: number): Shortage | null {
    const shortage = this.shortage(client, amount);
    if (shortage === null) this.add(client, amount);
    return shortage;
  }

  /** Why `client` would not get so much more; null: it would. */
  shortage(client: string, amount: number): Shortage | null {
    const free = this.#max - this.#used + this.#excess;
    if (amount > free) return "all";
    const wanted = (this.#held.get(client) ?? 0) + amount;
    return wanted > free || wanted > this.#clientMax ? "own" : null;
  }

  /** For what is held already, whether or not it is too much. */
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
