/**
 * The values in the body of a batch: their bytes stand one after another behind its head, which says how long each is. They
 * make up nearly all of a body, so each is copied once, and decoded in the cheapest way that its bytes allow.
 */
import { ShardgateError } from "../core/error.js";
import { encodingOf } from "../core/key.js";
import { decodedTogetherBytesMax } from "../core/limits.js";

/** Ends the head. */
export const newline = 0x0a;

/** Gathers the values that stand behind a head, in order, and writes them where they are sent from: each is copied once. */
export class ValueWriter {
  readonly #texts: string[] = [];
  /** Of each. */
  readonly #lengths: number[] = [];
  #bytes = 0;

  /** How many bytes it takes. */
  add(text: string): number {
    const length = Buffer.byteLength(text);
    this.#texts.push(text);
    this.#lengths.push(length);
    this.#bytes += length;
    return length;
  }

  /** The body that begins with `head`. */
  behind(head: string): Buffer {
    const body = Buffer.allocUnsafe(Buffer.byteLength(head) + 1 + this.#bytes);
    let at = body.write(head);
    at = body.writeUInt8(newline, at);
    for (const [index, text] of this.#texts.entries())
      at += body.write(text, at, encodingOf(text.length, this.#lengths[index] ?? 0));
    return body;
  }
}

/** Takes the values from the tail of a body, in order. */
export class ValueReader {
  readonly #bytes: Buffer;
  /** All of them, when they are short and every byte is a character: each is then a part of this text. */
  readonly #whole: string | null;
  #offset = 0;

  /** `count`: how many values there may be. */
  constructor(bytes: Buffer, count: number) {
    this.#bytes = bytes;
    const whole = bytes.length <= count * decodedTogetherBytesMax ? bytes.toString() : null;
    this.#whole = whole?.length === bytes.length ? whole : null;
  }

  bytes(length: unknown): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, this.#offset);
  }

  text(length: unknown): string {
    const start = this.#take(length);
    if (this.#whole !== null) return this.#whole.slice(start, this.#offset);
    return this.#bytes.toString("utf8", start, this.#offset);
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw malformed("bytes are left behind the last value");
  }

  /** Where the next value begins; it ends at the new offset. */
  #take(length: unknown): number {
    if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0) {
      throw malformed(`valueBytes ${JSON.stringify(length)} is not a length`);
    }
    const start = this.#offset;
    if (start + length > this.#bytes.length) throw malformed("the body ends inside a value");
    this.#offset = start + length;
    return start;
  }
}

/** What is wrong with a body as a whole. */
export function malformed(what: string): ShardgateError {
  return new ShardgateError("BAD_REQUEST", `The batch body cannot be read: ${what}.`);
}
