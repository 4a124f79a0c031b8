/**
 * Arrays in PostgreSQL's binary format (array_send of its source), as parameters of statements: a group of writes has
 * thousands of values, and writing them as text arrays would escape each of them here and parse it at the server. The
 * statement must cast the parameter to the array's type.
 */
import { utf8Bytes } from "../../../core/key.js";

/** Object ids of types, fixed in PostgreSQL's catalogue. */
const typeIds = { bytea: 17, int4: 23, text: 25, float8: 701 } as const;
const headBytes = 12;
const dimensionBytes = 8;
const lengthBytes = 4;
const nullLength = -1;

export function int4Array(numbers: readonly number[]): Buffer {
  const { bytes, start } = arrayOf("int4", numbers.length, numbers.length * (lengthBytes + 4));
  let at = start;
  for (const number of numbers) {
    at = bytes.writeInt32BE(4, at);
    at = bytes.writeInt32BE(number, at);
  }
  return bytes;
}

/** Exact for safe integers. */
export function float8Array(numbers: readonly (number | null)[]): Buffer {
  const present = numbers.reduce<number>((count, number) => count + (number === null ? 0 : 1), 0);
  const { bytes, start } = arrayOf("float8", numbers.length, numbers.length * lengthBytes + present * 8);
  let at = start;
  for (const number of numbers) {
    at = bytes.writeInt32BE(number === null ? nullLength : 8, at);
    if (number !== null) at = bytes.writeDoubleBE(number, at);
  }
  return bytes;
}

/** The UTF-8 bytes of texts, in which a lone surrogate is U+FFFD; bytes as they are; null for null. */
export function bytesArray(type: "text" | "bytea", values: readonly (string | Buffer | null)[]): Buffer {
  const lengths = values.map(lengthOf);
  const sum = lengths.reduce((total, length) => total + lengthBytes + Math.max(0, length), 0);
  const { bytes, start } = arrayOf(type, values.length, sum);
  let at = start;
  for (const [index, value] of values.entries()) {
    at = bytes.writeInt32BE(lengths[index] ?? nullLength, at);
    if (typeof value === "string") at += bytes.write(value, at, "utf8");
    else if (value !== null) at += value.copy(bytes, at);
  }
  return bytes;
}

function lengthOf(value: string | Buffer | null): number {
  if (value === null) return nullLength;
  return typeof value === "string" ? utf8Bytes(value) : value.length;
}

/** The array without its elements, which begin at `start`. */
function arrayOf(type: keyof typeof typeIds, count: number, elementBytes: number): { bytes: Buffer; start: number } {
  const start = count === 0 ? headBytes : headBytes + dimensionBytes;
  const bytes = Buffer.allocUnsafe(start + elementBytes);
  bytes.writeInt32BE(count === 0 ? 0 : 1, 0);
  // Whether there are nulls: the server finds that out by itself.
  bytes.writeInt32BE(0, 4);
  bytes.writeInt32BE(typeIds[type], 8);
  if (count === 0) return { bytes, start };
  bytes.writeInt32BE(count, headBytes);
  bytes.writeInt32BE(1, headBytes + 4);
  return { bytes, start };
}
