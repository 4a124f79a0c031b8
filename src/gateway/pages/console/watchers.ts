/** The open event streams of consoles (server-sent events, WHATWG HTML section 9.2). */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { consoleTickMs } from "../../../core/limits.js";

/**
 * A console that is this many bytes behind is disconnected, and reconnects for the current state: about ten full
 * snapshots.
 */
export const consoleBacklogBytesMax = 1024 * 1024;

export const streamHeaders: OutgoingHttpHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  // Tells proxies not to buffer the stream.
  "x-accel-buffering": "no",
};

export class Watchers {
  readonly #onEmpty: () => void;
  readonly #responses = new Set<ServerResponse>();

  /** `onEmpty` is called when the last stream has closed. */
  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  get count(): number {
    return this.#responses.size;
  }

  /** Opens a stream, sends `text`, and from then on everything that is broadcast. */
  add(response: ServerResponse, text: string): void {
    response.writeHead(200, streamHeaders);
    this.#responses.add(response);
    response.once("close", () => {
      if (this.#responses.delete(response) && this.#responses.size === 0) this.#onEmpty();
    });
    response.write(`retry: ${consoleTickMs}\n\n${text}`);
  }

  /** Sends `text` to all streams, and closes those whose clients do not keep up. */
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

/** One event as text of the stream. JSON contains no line breaks. */
export function eventText(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
