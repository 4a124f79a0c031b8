/**
 * What has come of a message in several frames. Its parts are counted by what they take in memory, not by what they carry:
 * a peer may cut a message into frames of a byte each, or of none.
 */
import { framePartBytesMin } from "../../core/limits.js";

export class MessageParts {
  #parts: Buffer[] = [];
  /** Each part counts as `framePartBytesMin` at least. */
  bytes = 0;

  /** `body` shares its memory with what was received. */
  add(body: Buffer): void {
    this.bytes += Math.max(body.length, framePartBytesMin);
    // A short part would keep all the bytes alive that it came with.
    this.#parts.push(body.length < body.buffer.byteLength / 4 ? Buffer.from(body) : body);
  }

  /** Keeps nothing of it; further parts are only counted. */
  discard(): void {
    this.#parts = [];
  }

  join(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
