/**
 * Reads a byte stream line by line in bounded memory. Lines end with LF or CRLF; a byte order mark at the very start is
 * dropped. Nothing is ever replaced: bytes that are not UTF-8 are a problem of their line.
 */

/** A line with its number, from 1, or why it cannot be read: `problem` follows "the line …". */
export type Line =
  { readonly number: number; readonly text: string } | { readonly number: number; readonly problem: string };

/** The lines of `source`. The rest of a line longer than `lineBytesMax` bytes is skipped. */
export async function* readLines(source: AsyncIterable<Uint8Array>, lineBytesMax: number): AsyncGenerator<Line> {
  let number = 1;
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const take = (part: Uint8Array) => {
    bytes += part.length;
    if (bytes <= lineBytesMax) parts.push(part);
    else parts = [];
  };
  const lineSoFar = () =>
    bytes <= lineBytesMax ? lineOf(number, parts) : { number, problem: `is longer than ${lineBytesMax} bytes` };
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      take(chunk.subarray(start, end));
      yield lineSoFar();
      number++;
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    take(chunk.subarray(start));
  }
  if (bytes > 0) yield lineSoFar();
}

const lineFeed = 0x0a;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function lineOf(number: number, parts: readonly Uint8Array[]): Line {
  const [first, ...others] = parts;
  const bytes = first !== undefined && others.length === 0 ? first : Buffer.concat(parts);
  try {
    const text = strictUtf8.decode(bytes);
    return { number, text: number === 1 ? text.replace(/^\uFEFF/, "") : text };
  } catch {
    return { number, problem: "is not UTF-8" };
  }
}
