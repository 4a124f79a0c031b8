/** The share of a client's memory for answers that one request's answer holds. */
import type { AnswerMemory } from "../../routing/answer-budget.js";
import type { FairShare } from "./fair-share.js";

/**
 * The part of an open request that routing refers to: its answer's share of memory. It has no reference to the request,
 * because routing keeps it for longer than a request lives and would keep the whole request in memory.
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

  /** Whether the client may have no more answers in memory. */
  get isFull(): boolean {
    return this.#share.shortage(this.client, 0) !== null;
  }

  /** Counts bytes that are in memory until the client has read them. */
  hold(bytes: number): void {
    if (this.#isOver) return;
    this.#bytes += bytes;
    this.#share.add(this.client, bytes);
  }

  /** Called when the answer has been read, or never will be. */
  end(): void {
    this.#isOver = true;
    if (this.#bytes > 0) this.#share.giveBack(this.client, this.#bytes);
  }
}
