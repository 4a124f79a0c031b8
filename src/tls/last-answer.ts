/**
 * What becomes of a connection on which a whole request is followed by bytes that are no HTTP, such as a body longer than
 * its `content-length`: the request gets its answer, for it may have been a write, and the connection ends behind it. Of
 * the bytes nothing is said, because a client would take that for the answer.
 */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../core/clock.js";

export class LastAnswers {
  readonly #clock: Pick<Clock, "after">;
  readonly #lingerMs: number;
  readonly #ending = new WeakSet<Duplex>();

  /** `lingerMs`: how long what a client still sends is thrown away, so that it gets to read the answer. */
  constructor(clock: Pick<Clock, "after">, lingerMs: number) {
    this.#clock = clock;
    this.#lingerMs = lingerMs;
  }

  /** The connection ends, or will. */
  isEnding(socket: Duplex): boolean {
    return this.#ending.has(socket);
  }

  /** Ends the connection of `response` behind it; it is the last of those that the connection owes. */
  endBehind(response: ServerResponse): void {
    const { socket } = response.req;
    this.#ending.add(socket);
    const end = (): void => {
      socket.end();
      const cancel = this.#clock.after(this.#lingerMs, () => socket.destroy());
      socket.once("close", cancel);
    };
    // Says `connection: close`, unless the head of the answer is written already.
    response.shouldKeepAlive = false;
    // Then Node would close the connection at once, which resets it when bytes have come that nobody read.
    socket.destroySoon = () => {};
    if (response.writableFinished) end();
    else response.once("finish", end);
  }
}
