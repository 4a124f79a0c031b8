/**
 * The received parts of a message in several frames. Parts are counted by the memory that they take, not by their
 * content: a peer may split a message into frames with one byte each, or none.
 */
import { framePartBytesMin } from "../../core/limits.js";

export class MessageParts {
  #parts: Buffer[] = [];
  /** Each part counts as `framePartBytesMin` at least. */
  bytes = 0;

  /** `body` shares its memory with the received bytes. */
  add(body: Buffer): void {
    this.bytes += Math.max(body.length, framePartBytesMin);
    // A short part would keep alive all bytes that were received with it, so it is copied.
    this.#parts.push(body.length < body.buffer.byteLength / 4 ? Buffer.from(body) : body);
  }

  /** Drops the received parts; further parts are only counted. */
  discard(): void {
    this.#parts = [];
  }

  join(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
