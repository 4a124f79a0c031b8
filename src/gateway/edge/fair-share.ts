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

  /** `clientMax` is the most that one client may hold, whatever is free. */
  constructor(max: number, clientMax = max) {
    this.#max = max;
    this.#clientMax = clientMax;
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
    const free = this.#max - this.#used;
    if (amount > free) return "all";
    const wanted = (this.#held.get(client) ?? 0) + amount;
    return wanted > free || wanted > this.#clientMax ? "own" : null;
  }

  /** For what is held already, whether or not it is too much. */
  add(client: string, amount: number): void {
    this.#used += amount;
    this.#held.set(client, (this.#held.get(client) ?? 0) + amount);
  }

  giveBack(client: string, amount: number): void {
    this.#used -= amount;
    const left = (this.#held.get(client) ?? 0) - amount;
    if (left > 0) this.#held.set(client, left);
    else this.#held.delete(client);
  }
}
