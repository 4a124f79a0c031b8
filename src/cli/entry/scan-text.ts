/** The output of a scan, page by page: rows, bare keys, or one JSON document in pieces. */
import type { Environment } from "../environment/environment.js";
import { ArrayPieces } from "../terminal/json-output.js";
import { tableText, type Format } from "../terminal/print.js";
import { styleFor } from "../terminal/style.js";
import { Table } from "../terminal/table.js";
import { entryColumns, entryText, type EntryAnswer } from "./entry-outcome.js";

export class ScanText {
  readonly #format: Format;
  readonly #isKeysOnly: boolean;
  readonly #table: Table;
  readonly #pieces = new ArrayPieces();
  #isBegun = false;

  constructor(format: Format, isKeysOnly: boolean, environment: Environment) {
    this.#format = format;
    this.#isKeysOnly = isKeysOnly;
    this.#table = new Table(entryColumns, styleFor(environment.stdout, environment));
  }

  /** The text for the next entries. */
  ofEntries(entries: readonly EntryAnswer[]): string {
    if (this.#format === "json") return this.#begin() + this.#pieces.next(entries.map((entry) => this.#element(entry)));
    // Keys have no control characters, so each fits on one line unchanged.
    if (this.#isKeysOnly) return entries.map(({ key }) => `${key}\n`).join("");
    return entries.length === 0 ? "" : tableText(this.#table, entries, entryColumns);
  }

  /** The text after the last page, of which there is at least one. `cursor` is null at the end of all entries. */
  ofEnd(cursor: string | null, missingShards: readonly number[]): string {
    if (this.#format === "table") return "";
    const shards = JSON.stringify(missingShards);
    return `${this.#pieces.end()},"cursor":${JSON.stringify(cursor)},"unavailableShards":${shards}}\n`;
  }

  /** The document's start, once. */
  #begin(): string {
    if (this.#isBegun) return "";
    this.#isBegun = true;
    return '{"entries":';
  }

  #element(entry: EntryAnswer): string {
    return this.#isKeysOnly ? JSON.stringify({ key: entry.key }) : entryText(entry);
  }
}
