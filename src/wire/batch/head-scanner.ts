/**
 * Reads the head of a batch character by character in the form that this program's encoder writes, without creating
 * objects. Any other form is valid JSON too and is left to JSON.parse.
 */
import { keyProblem, type Key } from "../../core/key.js";
import { keyBytesMax } from "../../core/limits.js";
import type { Version } from "../../core/version.js";

export class HeadScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** Consumes `expected` if it comes next, and returns whether it did. */
  skip(expected: string): boolean {
    const text = this.#text;
    const start = this.#at;
    for (let index = 0; index < expected.length; index++) {
      if (text.charCodeAt(start + index) !== expected.charCodeAt(index)) return false;
    }
    this.#at = start + expected.length;
    return true;
  }

  /**
   * Consumes the non-negative integer that comes next. Returns -1 when there is none, or when it has too many digits to
   * be exact.
   */
  wholeNumber(): number {
    const text = this.#text;
    const start = this.#at;
    let at = start;
    let number = 0;
    for (; ; at++) {
      const digit = text.charCodeAt(at) - zero;
      // After the end of the text, `digit` is NaN, for which every comparison is false.
      if (!(digit >= 0 && digit <= 9)) break;
      number = number * 10 + digit;
    }
    const digits = at - start;
    if (digits === 0 || digits > exactDigits || (digits > 1 && text.charCodeAt(start) === zero)) return -1;
    this.#at = at;
    return number;
  }

  /**
   * Consumes the quoted key that comes next. Returns null when there is none, when it has escapes, or when it is not a
   * valid key.
   */
  key(): Key | null {
    const text = this.#text;
    if (text.charCodeAt(this.#at) !== quote) return null;
    const start = this.#at + 1;
    let isPlain = true;
    let at = start;
    for (let unit = text.charCodeAt(at); unit !== quote; unit = text.charCodeAt(++at)) {
      if (!(unit >= firstPrintable) || unit === backslash) return null;
      if (unit > lastPrintable) isPlain = false;
    }
    const key = text.slice(start, at);
    const isValid = isPlain && key.length <= keyBytesMax && key.length > "..".length;
    if (!isValid && keyProblem(key) !== null) return null;
    this.#at = at + 1;
    return key as Key;
  }

  /** Consumes the quoted version that comes next. Returns null when there is none, or when it has too many digits. */
  version(): Version | null {
    const text = this.#text;
    const start = this.#at + 1;
    const first = text.charCodeAt(start) - zero;
    if (text.charCodeAt(this.#at) !== quote || !(first >= 1 && first <= 9)) return null;
    let at = start + 1;
    for (; ; at++) {
      const digit = text.charCodeAt(at) - zero;
      if (!(digit >= 0 && digit <= 9)) break;
    }
    if (text.charCodeAt(at) !== quote || at - start > versionDigits) return null;
    this.#at = at + 1;
    return text.slice(start, at) as Version;
  }
}

const zero = 0x30;
const quote = 0x22;
const backslash = 0x5c;
const firstPrintable = 0x20;
const lastPrintable = 0x7e;
/** A number with this many digits is a safe integer. */
const exactDigits = 15;
/** A number with this many digits is below 2^64. */
const versionDigits = 19;
