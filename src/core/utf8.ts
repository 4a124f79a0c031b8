/** Text from UTF-8 bytes. Most of it is ASCII, which is found out and copied in half of the time that decoding takes. */
import { isAscii, isUtf8 } from "node:buffer";

/** The bytes of `buffer` from `start` to `end`; what is no UTF-8 in them reads as U+FFFD. */
export function utf8Text(buffer: Buffer, start: number, end: number): string {
  if (end - start < lookedAtBytesMin) return buffer.toString("utf8", start, end);
  return buffer.toString(isAscii(buffer.subarray(start, end)) ? "latin1" : "utf8", start, end);
}

/** The same; null: they are not UTF-8. */
export function strictUtf8Text(buffer: Buffer, start: number, end: number): string | null {
  const bytes = buffer.subarray(start, end);
  if (isAscii(bytes)) return buffer.toString("latin1", start, end);
  return isUtf8(bytes) ? buffer.toString("utf8", start, end) : null;
}

/** A shorter text is decoded before it is found out what is in it. */
const lookedAtBytesMin = 256;
