/** The input of an import. Data that cannot be lines of JSON are recognised and refused before anything is written. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { exitCodes } from "../terminal/exit-code.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { shellWord } from "../environment/shell-word.js";

/** The stream of a file, or standard input for `-`. Throws CommandFailure for a folder, and the error of the file system. */
export async function openImportSource(file: string, stdin: Readable): Promise<Readable> {
  if (file === "-") return stdin;
  if (!(await stat(file)).isDirectory()) return createReadStream(file);
  throw new CommandFailure(`${file} is a folder; name a file, or - for standard input.`, exitCodes.usage);
}

/** The bytes of `source`. Throws CommandFailure when they begin as compressed or UTF-16 data do. */
export async function* textBytes(source: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array> {
  let start: Buffer | null = Buffer.alloc(0);
  for await (const chunk of source) {
    if (start === null) {
      yield chunk;
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.length < signatureBytes) continue;
    refuseForeign(start, file);
    yield start;
    start = null;
  }
  if (start !== null) yield start;
}

const signatureBytes = 2;

function refuseForeign(start: Buffer, file: string): void {
  const [what, command] = foreign[start.toString("hex", 0, signatureBytes)] ?? [];
  if (what === undefined || command === undefined) return;
  const [name, words] = file === "-" ? ["standard input", ""] : [file, ` ${shellWord(file)}`];
  throw new CommandFailure(`${name} ${what} first: ${command}${words} | shardgate import -`, exitCodes.usage);
}

const utf16 = ["is UTF-16. Make it UTF-8", "iconv -f UTF-16 -t UTF-8"] as const;

/**
 * Known first bytes, and the command that converts such data to lines: gzip (RFC 1952, 2.3.1), and UTF-16's byte order
 * marks.
 */
const foreign: Readonly<Record<string, readonly [what: string, command: string]>> = {
  "1f8b": ["is compressed with gzip. Unpack it", "gunzip -c"],
  fffe: utf16,
  feff: utf16,
};
