/**
 * The values in the body of a batch: their bytes follow one another after the head, which gives their lengths. They
 * make up nearly all of a body, so each is copied only once and decoded in the cheapest way that its bytes allow.
 */
import { ShardgateError } from "../../core/error.js";
import { encodingOf, utf8Bytes } from "../../core/key.js";
import { asciiText, strictUtf8Text, utf8Text } from "../../core/text/utf8.js";

/**
 * Values that are shorter than this on average are decoded together; longer ones would cost more as slices of such a
 * long text.
 */
export const decodedTogetherBytesMax = 512;

/** Ends the head. */
export const newline = 0x0a;

/** Collects the values that follow a head, in order, and writes each once, directly into the body. */
export class ValueWriter {
  /** Consecutive short values are joined into one piece: writing each separately would take longer than copying it. */
  readonly #pieces: string[] = [];
  /** Length of each piece in bytes. */
  readonly #lengths: number[] = [];
  #bytes = 0;
  #isOpen = false;

  /** Returns the length of `text` in bytes. */
  add(text: string): number {
    const length = utf8Bytes(text);
    this.#bytes += length;
    const isShort = length <= decodedTogetherBytesMax;
    if (isShort && this.#isOpen) {
      const last = this.#pieces.length - 1;
      this.#pieces[last] += text;
      this.#lengths[last] = (this.#lengths[last] ?? 0) + length;
    } else {
      this.#pieces.push(text);
      this.#lengths.push(length);
    }
    this.#isOpen = isShort;
    return length;
  }

  /** The body that begins with `head`. */
  behind(head: string): Buffer {
    const headBytes = utf8Bytes(head);
    const body = Buffer.allocUnsafe(headBytes + 1 + this.#bytes);
    let at = body.write(head, encodingOf(head.length, headBytes));
    body[at++] = newline;
    for (let index = 0; index < this.#pieces.length; index++) {
      const piece = this.#pieces[index] ?? "";
      at += body.write(piece, at, encodingOf(piece.length, this.#lengths[index] ?? 0));
    }
    return body;
  }
}

/** Takes the values from the end of a body, in order. */
export class ValueReader {
  readonly #body: Buffer;
  readonly #start: number;
  readonly #count: number;
  #offset: number;
  /** The text of all values when they are short and every byte is one character: each value is then a slice of it. */
  #whole: string | null = null;
  #hasValues = false;

  /** `start`: offset of the first value. `count`: approximate number of values. */
  constructor(body: Buffer, start: number, count: number) {
    this.#body = body;
    this.#start = start;
    this.#offset = start;
    this.#count = count;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#body.length;
  }

  /** Whether `length` bytes are left for the next value. */
  has(length: number): boolean {
    return length <= this.#body.length - this.#offset;
  }

  /** Bytes that are not UTF-8 read as U+FFFD. */
  text(length: unknown): string {
    const start = this.#take(length);
    if (this.#whole !== null) return this.#whole.slice(start - this.#start, this.#offset - this.#start);
    return utf8Text(this.#body, start, this.#offset);
  }

  /** Null when the value is not UTF-8. */
  strictText(length: unknown): string | null {
    const start = this.#take(length);
    if (this.#whole !== null) return this.#whole.slice(start - this.#start, this.#offset - this.#start);
    return strictUtf8Text(this.#body, start, this.#offset);
  }

  end(): void {
    if (!this.isAtEnd) throw malformed("bytes are left behind the last value");
  }

  /** The offset of the next value, which ends at the new `#offset`. */
  #take(length: unknown): number {
    if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0) {
      throw malformed(`valueBytes ${JSON.stringify(length)} is not a length`);
    }
    if (!this.#hasValues) this.#decodeTogether();
    const start = this.#offset;
    if (start + length > this.#body.length) throw malformed("the body ends inside a value");
    this.#offset = start + length;
    return start;
  }

  /** Called at the first value, because a batch of gets has none. */
  #decodeTogether(): void {
    this.#hasValues = true;
    if (this.#body.length - this.#start > this.#count * decodedTogetherBytesMax) return;
    this.#whole = asciiText(this.#body, this.#start, this.#body.length);
  }
}

/** The error for a body that is invalid as a whole. */
export function malformed(what: string): ShardgateError {
  return new ShardgateError("BAD_REQUEST", `The batch body cannot be read: ${what}.`);
}
