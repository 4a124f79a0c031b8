/**
 * The values in the body of a batch: their bytes stand one after another behind its head, which says how long each is. They
 * make up nearly all of a body, so each is copied once, and decoded in the cheapest way that its bytes allow.
 */
import { ShardgateError } from "../../core/error.js";
import { encodingOf, utf8Bytes } from "../../core/key.js";
import { asciiText, strictUtf8Text, utf8Text } from "../../core/text/utf8.js";

/** Values that are shorter than this on the average are decoded in one go; longer ones cost more as parts of so long a text. */
export const decodedTogetherBytesMax = 512;

/** Ends the head. */
export const newline = 0x0a;

/** Gathers the values that stand behind a head, in order, and writes them where they are sent from: each is copied once. */
export class ValueWriter {
  /** Short values that come one after another are one piece: writing each by itself would take longer than copying it. */
  readonly #pieces: string[] = [];
  /** Of each. */
  readonly #lengths: number[] = [];
  #bytes = 0;
  #isOpen = false;

  /** How many bytes it takes. */
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

/** Takes the values from the tail of a body, in order. */
export class ValueReader {
  readonly #body: Buffer;
  readonly #start: number;
  readonly #count: number;
  #offset: number;
  /** All of them, when they are short and every byte is a character: each is then a part of this text. */
  #whole: string | null = null;
  #hasValues = false;

  /** `start`: where the first one begins. `count`: about how many there are. */
  constructor(body: Buffer, start: number, count: number) {
    this.#body = body;
    this.#start = start;
    this.#offset = start;
    this.#count = count;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#body.length;
  }

  /** Whether a value of this length comes next. */
  has(length: number): boolean {
    return length <= this.#body.length - this.#offset;
  }

  /** What is no UTF-8 in it reads as U+FFFD. */
  text(length: unknown): string {
    const start = this.#take(length);
    if (this.#whole !== null) return this.#whole.slice(start - this.#start, this.#offset - this.#start);
    return utf8Text(this.#body, start, this.#offset);
  }

  /** Null: it is not UTF-8. */
  strictText(length: unknown): string | null {
    const start = this.#take(length);
    if (this.#whole !== null) return this.#whole.slice(start - this.#start, this.#offset - this.#start);
    return strictUtf8Text(this.#body, start, this.#offset);
  }

  end(): void {
    if (!this.isAtEnd) throw malformed("bytes are left behind the last value");
  }

  /** Where the next value begins; it ends at the new offset. */
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

  /** At the first value: a batch of gets has none. */
  #decodeTogether(): void {
    this.#hasValues = true;
    if (this.#body.length - this.#start > this.#count * decodedTogetherBytesMax) return;
    this.#whole = asciiText(this.#body, this.#start, this.#body.length);
  }
}

/** What is wrong with a body as a whole. */
export function malformed(what: string): ShardgateError {
  return new ShardgateError("BAD_REQUEST", `The batch body cannot be read: ${what}.`);
}
