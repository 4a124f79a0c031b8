/**
 * A key: 1 to 1024 bytes of well-formed UTF-8 without control characters, and neither `.` nor `..` (URL libraries would
 * resolve those to another path). Keys are compared byte by byte, without Unicode normalisation.
 */
import { ShardgateError } from "./error.js";
import { keyBytesMax } from "./limits.js";

declare const keyBrand: unique symbol;

/** A string that passed `parseKey`. */
export type Key = string & { readonly [keyBrand]: true };

/** The key in `text`. Throws INVALID_KEY that names the violated rule. */
export function parseKey(text: string): Key {
  const problem = keyProblem(text);
  if (problem !== null) throw new ShardgateError("INVALID_KEY", `Key ${printable(text)} ${problem}.`);
  return text as Key;
}

/** The rule that `text` violates as a key, as a phrase that follows "Key …"; null when it is a valid key. */
export function keyProblem(text: string): string | null {
  if (text.length === 0) return "is empty";
  if (text === "." || text === "..") return "is reserved, because URLs turn it into another path";
  if (text.length > keyBytesMax || utf8Bytes(text) > keyBytesMax) return `is longer than ${keyBytesMax} bytes`;
  if (controlCharacter.test(text)) return "has a control character";
  if (!text.isWellFormed()) return "has a lone surrogate, which UTF-8 cannot express";
  return null;
}

/**
 * The rule that `text` violates as a prefix of keys; null when it is valid. A prefix may be empty, and `.` and `..` are
 * prefixes of valid keys.
 */
export function prefixProblem(text: string): string | null {
  return text === "" || text === "." || text === ".." ? null : keyProblem(text);
}

/**
 * The key in one percent-encoded path segment. Throws INVALID_KEY when the encoding or the key is invalid. The segment
 * must be raw: `a%2Fb` is the key `a/b`, and `a%252Fb` the key `a%2Fb`.
 */
export function parseKeySegment(segment: string): Key {
  let text: string;
  try {
    text = decodeURIComponent(segment);
  } catch {
    throw new ShardgateError("INVALID_KEY", `Path segment ${printable(segment)} is not percent-encoded UTF-8.`);
  }
  return parseKey(text);
}

/** The key as one path segment, with everything percent-encoded but the unreserved characters of RFC 3986. */
export function encodeKeySegment(key: Key): string {
  return encodeURIComponent(key).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * Compares two strings by their UTF-8 bytes: negative, zero or positive. JavaScript's `<` differs for characters beyond
 * U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** Length of `text` in UTF-8, in bytes. */
export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

// C0, DEL and C1: Unicode's category Cc.
const controlCharacter = /\p{Cc}/u;

/** Surrogates encode code points above every other UTF-16 unit, so they are ranked above U+E000..U+FFFF. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** `text` for a message: quoted, escaped and at most 64 characters. */
function printable(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}

/** The fastest encoding for a text: if it has as many bytes as characters it is ASCII, which needs no encoder. */
export function encodingOf(characters: number, bytes: number): "latin1" | "utf8" {
  return characters === bytes ? "latin1" : "utf8";
}
