/**
 * Which connections owe an answer to a request that came in whole. Whatever else was written there would be taken for that
 * answer, or for a part of it: a write that happened would be told as a bad request.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../core/clock.js";
import { refusedRequestMs } from "../../core/limits.js";
import { LastAnswers } from "../../tls/last-answer.js";

export class OpenAnswers {
  /** More than one at a connection only when its client sends without waiting. */
  readonly #answers = new WeakMap<Duplex, ServerResponse[]>();
  readonly #lastAnswers: LastAnswers;

  constructor(clock: Pick<Clock, "after">) {
    this.#lastAnswers = new LastAnswers(clock, refusedRequestMs);
  }

  /** To be called for every request; `end` once its answer is over. */
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

  /** Ends the connection once it owes no answer any more; false: it owes none. */
  endBehindAnswers(socket: Duplex): boolean {
    if (this.#lastAnswers.isEnding(socket)) return true;
    const last = this.#answers.get(socket)?.findLast(({ req }) => req.complete);
    if (last !== undefined) this.#lastAnswers.endBehind(last);
    return last !== undefined;
  }
}
