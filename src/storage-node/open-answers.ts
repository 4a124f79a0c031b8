/**
 * Which connections owe an answer to a request that came in whole. Whatever else was written there would be taken for that
 * answer, or for a part of it: a write that happened would be told as a bad request.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

export class OpenAnswers {
  /** More than one at a connection only when its client sends without waiting. */
  readonly #requests = new WeakMap<Duplex, IncomingMessage[]>();

  /** To be called for every request; `end` once its answer is over. */
  begin(request: IncomingMessage): void {
    const requests = this.#requests.get(request.socket);
    if (requests === undefined) this.#requests.set(request.socket, [request]);
    else requests.push(request);
  }

  end(request: IncomingMessage): void {
    const requests = this.#requests.get(request.socket) ?? [];
    const at = requests.indexOf(request);
    if (at >= 0) requests.splice(at, 1);
  }

  isOwed(socket: Duplex): boolean {
    return this.#requests.get(socket)?.some(({ complete }) => complete) === true;
  }
}
