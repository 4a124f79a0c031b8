/**
 * Handles connections on which a complete request is followed by bytes that are not HTTP, such as a body longer than
 * its `content-length`. The request gets its answer, because it may have been a write, and the connection ends after
 * that. The bytes themselves get no answer, because a client would take it for the answer to the request.
 */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../core/clock.js";

export class LastAnswers {
  readonly #clock: Pick<Clock, "after">;
  readonly #lingerMs: number;
  readonly #ending = new WeakSet<Duplex>();

  /**
   * `lingerMs`: how long bytes from the client are discarded before the connection is closed, so that the client can
   * read the answer.
   */
  constructor(clock: Pick<Clock, "after">, lingerMs: number) {
    this.#clock = clock;
    this.#lingerMs = lingerMs;
  }

  /** Whether the connection is ending, or will end after its last answer. */
  isEnding(socket: Duplex): boolean {
    return this.#ending.has(socket);
  }

  /** Ends the connection of `response` after it. It must be the last pending answer of the connection. */
  endBehind(response: ServerResponse): void {
    const { socket } = response.req;
    this.#ending.add(socket);
    const end = (): void => {
      socket.end();
      const cancel = this.#clock.after(this.#lingerMs, () => socket.destroy());
      socket.once("close", cancel);
    };
    // Sends `connection: close`, unless the head of the answer has been written already.
    response.shouldKeepAlive = false;
    // Otherwise Node would close the connection at once, which resets it when there are unread bytes.
    socket.destroySoon = () => {};
    if (response.writableFinished) end();
    else response.once("finish", end);
  }
}
