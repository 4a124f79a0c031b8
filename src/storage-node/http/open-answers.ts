/**
 * Tracks which connections still owe an answer to a complete request. A client would take anything else written there
 * for that answer or a part of it: a successful write would appear to be a bad request.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../core/clock.js";
import { refusedRequestMs } from "../../core/limits.js";
import { LastAnswers } from "../../tls/last-answer.js";

export class OpenAnswers {
  /** A connection has several answers pending only when its client sends requests without waiting. */
  readonly #answers = new WeakMap<Duplex, ServerResponse[]>();
  readonly #lastAnswers: LastAnswers;

  constructor(clock: Pick<Clock, "after">) {
    this.#lastAnswers = new LastAnswers(clock, refusedRequestMs);
  }

  /** Call for every request, and `end` once its answer is complete. */
  begin({ socket }: IncomingMessage, response: ServerResponse): void {
    const answers = this.#answers.get(socket);
    if (answers === undefined) this.#answers.set(socket, [response]);
    else answers.push(response);
  }

  end({ socket }: IncomingMessage, response: ServerResponse): void {
    const answers = this.#answers.get(socket) ?? [];
    const at = answers.indexOf(response);
    if (at >= 0) answers.splice(at, 1);
  }

  /** Ends the connection once its pending answers are sent. Returns false when none is pending. */
  endBehindAnswers(socket: Duplex): boolean {
    if (this.#lastAnswers.isEnding(socket)) return true;
    const last = this.#answers.get(socket)?.findLast(({ req }) => req.complete);
    if (last !== undefined) this.#lastAnswers.endBehind(last);
    return last !== undefined;
  }
}
