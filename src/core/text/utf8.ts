/**
 * Text from UTF-8 bytes. Most of it is ASCII, of which each byte is a character whatever encoding it is read in: reading it
 * as Latin-1, and then counting how long it would be in UTF-8, takes half of the time that decoding takes.
 */
import { utf8Bytes } from "../key.js";

/** The bytes of `buffer` from `start` to `end`; what is no UTF-8 in them reads as U+FFFD. */
export function utf8Text(buffer: Buffer, start: number, end: number): string {
  if (end - start < lookedAtBytesMin) return buffer.toString("utf8", start, end);
  return asciiText(buffer, start, end) ?? buffer.toString("utf8", start, end);
}

/** The same; null: they are not UTF-8. */
export function strictUtf8Text(buffer: Buffer, start: number, end: number): string | null {
  const text = asciiText(buffer, start, end);
  if (text !== null) return text;
  try {
    return strictUtf8.decode(buffer.subarray(start, end));
  } catch {
    return null;
  }
}

/** The same; null: they are not ASCII. */
export function asciiText(buffer: Buffer, start: number, end: number): string | null {
  const text = buffer.toString("latin1", start, end);
  return utf8Bytes(text) === text.length ? text : null;
}

/**
 * The same well-formed text in memory of its own, for what is kept for long: a text that was cut out of another one keeps all
 * of that in memory.
 */
export function ownText<Text extends string>(text: Text): Text {
  const bytes = Buffer.from(text);
  return utf8Text(bytes, 0, bytes.length) as Text;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A shorter text is decoded before it is found out what is in it. */
const lookedAtBytesMin = 256;
