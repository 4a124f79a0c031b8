/** Admits requests to a storage node, over HTTP or frames, and counts those that are not answered yet. */
import type { ServerResponse } from "node:http";
import { UnderWay } from "../../core/tasks/under-way.js";

/** Admits requests until it is closed. */
export class Gate {
  readonly #underWay = new UnderWay();
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Number of admitted requests that are not answered yet. */
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

  /** Call once for each `begin`. */
  end(): void {
    this.#underWay.end();
  }

  /** Resolves when every admitted request is answered. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#underWay.idle();
  }
}
