/**
 * The log beside a registry file: one line for each change, with the version of the map that has it and a checksum. A
 * line is written before its map, so lines above the map's version belong to changes that never happened; they and
 * damaged lines (a process was killed while it wrote) are skipped, and removed when the next line is written.
 */
import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { registryLogBytesMin } from "../../../core/limits.js";
import { compactedLog } from "../../assignment-log.js";
import { readWhole, replaceFile } from "./durable-file.js";

interface LogLine {
  readonly version: number;
  readonly record: string;
}

export class FileLog {
  readonly #path: string;
  /** Whether the file has whole lines of stored changes only. */
  #isClean = false;
  #bytes = 0;
  /** The length from which it is compacted. */
  #bytesMax = registryLogBytesMin;

  constructor(path: string) {
    this.#path = path;
  }

  /** The records up to the version of the map, oldest first. */
  async read(version: number): Promise<readonly string[]> {
    return linesIn(await readWhole(this.#path), version).map(({ record }) => record);
  }

  /**
   * Writes the record of `version` (null: nothing) durably behind those up to `lastVersion`, or, when the map goes back to an
   * older copy, behind those before it. `confirm` follows, or the change failed.
   */
  async append(lastVersion: number, version: number, record: string | null): Promise<void> {
    const isBack = version <= lastVersion;
    if (!this.#isClean || isBack || this.#bytes > this.#bytesMax) await this.#clean(isBack ? version - 1 : lastVersion);
    if (record === null) return;
    this.#isClean = false;
    const line = lineOf({ version, record });
    const file = await open(this.#path, "a");
    try {
      await file.writeFile(line);
      await file.datasync();
    } finally {
      await file.close();
    }
    this.#bytes += Buffer.byteLength(line);
  }

  /** The map that the last record belongs to is stored. */
  confirm(): void {
    this.#isClean = true;
  }

  /** Rewrites the file where it has more than the lines up to the version, and shorter where it is long. */
  async #clean(version: number): Promise<void> {
    const found = (await readWhole(this.#path)) ?? Buffer.alloc(0);
    const lines = linesIn(found, version);
    let bytes = bytesOf(lines);
    if (bytes.length > this.#bytesMax) {
      bytes = bytesOf(compacted(lines));
      this.#bytesMax = Math.max(registryLogBytesMin, 2 * bytes.length);
    }
    if (!bytes.equals(found)) await replaceFile(this.#path, bytes);
    this.#bytes = bytes.length;
    this.#isClean = true;
  }
}

function bytesOf(lines: readonly LogLine[]): Buffer {
  return Buffer.from(lines.map(lineOf).join(""), "utf8");
}

function compacted(lines: readonly LogLine[]): readonly LogLine[] {
  const records = compactedLog(lines.map(({ record }) => record));
  return lines.flatMap(({ version }, index) => {
    const record = records[index] ?? null;
    return record === null ? [] : [{ version, record }];
  });
}

function linesIn(bytes: Buffer | null, version: number): readonly LogLine[] {
  if (bytes === null) return [];
  const lines = bytes.toString("utf8").split("\n").map(parsedLine);
  return lines.filter((line) => line !== null).filter((line) => line.version <= version);
}

const linePattern = /^([0-9a-f]{8}) (\d{1,16}) (.+)$/;

function parsedLine(line: string): LogLine | null {
  const [, checksum, version = "", record = ""] = linePattern.exec(line) ?? [];
  return checksum === checksumOf(`${version} ${record}`) ? { version: Number(version), record } : null;
}

function lineOf({ version, record }: LogLine): string {
  const content = `${version} ${record}`;
  return `${checksumOf(content)} ${content}\n`;
}

function checksumOf(content: string): string {
  return crc32(content).toString(16).padStart(8, "0");
}
