/** What of a request's answer is in the gateway's memory, counted for its client. */
import type { AnswerMemory } from "../../routing/answer-budget.js";
import type { FairShare } from "./fair-share.js";

/**
 * The part of an open request that routing knows: what of its answer is in memory. It does not know the request, because
 * routing keeps it for longer than a request lives, and everything that hangs on one would wait for the garbage collector.
 */
export class HeldAnswer implements AnswerMemory {
  readonly #share: FairShare;
  client: string;
  #bytes = 0;
  #isOver = false;

  constructor(share: FairShare, client: string) {
    this.#share = share;
    this.client = client;
  }

  /** Its client may have no more answers in memory. */
  get isFull(): boolean {
    return this.#share.shortage(this.client, 0) !== null;
  }

  /** So much more is in memory, until the client has fetched it. */
  hold(bytes: number): void {
    if (this.#isOver) return;
    this.#bytes += bytes;
    this.#share.add(this.client, bytes);
  }

  /** It is fetched, or nobody will. */
  end(): void {
    this.#isOver = true;
    if (this.#bytes > 0) this.#share.giveBack(this.client, this.#bytes);
  }
}
