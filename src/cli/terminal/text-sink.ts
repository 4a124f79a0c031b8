/** Writes to standard output at the reader's pace, and detects when the reader has gone. */
import type { Writable } from "node:stream";

export class TextSink {
  readonly #stream: Writable;
  /** Errors reach the callback of `write`; without a listener they would also end the process. */
  readonly #onError = () => undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on("error", this.#onError);
  }

  /**
   * Resolves to true when `text` is handed over, or to false when the reader has gone (EPIPE). Rejects when writing
   * failed.
   */
  write(text: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#stream.write(text, (error) => {
        if (error === null || error === undefined) resolve(true);
        else if (isReaderGone(error)) resolve(false);
        else reject(error);
      });
    });
  }
}

function isReaderGone(error: NodeJS.ErrnoException): boolean {
  return error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED";
}
