/** Writes to standard output at the pace of whoever reads it, and notices when nobody does any more. */
import type { Writable } from "node:stream";

export class TextSink {
  readonly #stream: Writable;
  /** Errors reach the callback of `write`; without a listener they would also end the process. */
  readonly #onError = () => undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on("error", this.#onError);
  }

  /** Resolves when `text` is handed over: true, or false when the reader is gone (EPIPE). Rejects when writing failed. */
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
