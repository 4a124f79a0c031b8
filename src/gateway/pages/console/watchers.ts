/** The open streams of consoles (server-sent events, WHATWG HTML section 9.2): who is on, and what each is sent. */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { consoleTickMs } from "../../../core/limits.js";

/** A console this many bytes behind is let go, to come back for the current state: some ten full snapshots. */
export const consoleBacklogBytesMax = 1024 * 1024;

export const streamHeaders: OutgoingHttpHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  // For proxies that would gather the stream first.
  "x-accel-buffering": "no",
};

export class Watchers {
  readonly #onEmpty: () => void;
  readonly #responses = new Set<ServerResponse>();

  /** `onEmpty` is called when the last one has left. */
  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  get count(): number {
    return this.#responses.size;
  }

  /** Opens the stream, sends `text`, and from then on all that is broadcast. */
  add(response: ServerResponse, text: string): void {
    response.writeHead(200, streamHeaders);
    this.#responses.add(response);
    response.once("close", () => {
      if (this.#responses.delete(response) && this.#responses.size === 0) this.#onEmpty();
    });
    response.write(`retry: ${consoleTickMs}\n\n${text}`);
  }

  /** Cuts off those that do not keep up: what they have not taken yet is old. */
  broadcast(text: string): void {
    for (const response of this.#responses) {
      if (response.writableLength > consoleBacklogBytesMax) response.destroy();
      else response.write(text);
    }
  }

  /** Ends all streams. */
  close(): void {
    for (const response of this.#responses) response.end();
  }
}

/** One event as it stands in the stream. JSON has no line breaks. */
export function eventText(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
