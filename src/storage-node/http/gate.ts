/** Which requests a storage node lets in, however they come, and how many of their answers are still on their way. */
import type { ServerResponse } from "node:http";
import { UnderWay } from "../../core/tasks/under-way.js";

/** Lets requests in until it is closed. */
export class Gate {
  readonly #underWay = new UnderWay();
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How many of those there are. */
  get size(): number {
    return this.#underWay.count;
  }

  enter(response: ServerResponse): void {
    this.begin();
    response.once("close", () => this.end());
  }

  begin(): void {
    this.#underWay.begin();
  }

  /** Once for each `begin`. */
  end(): void {
    this.#underWay.end();
  }

  /** Resolves when every request that was let in has its answer. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#underWay.idle();
  }
}
