/**
 * Estimates the size of a batch's answer in bytes, never too low; the bounds of answers use this estimate. Each value
 * comes with a few facts; each entry of a page also with its key, which may take twice its length in JSON.
 */
import type { JsonEntry } from "./entry.js";
import { utf8Bytes } from "./key.js";
import type { Outcome } from "./operation.js";

/**
 * Most bytes beside a key and a value in the answer to a batch: a version, three moments, a length, and their names.
 */
const entryFactsBytesMax = 160;

/** Zero for outcomes without an entry: every answer has room for one such outcome per operation. */
export function answerBytes(outcome: Outcome): number {
  switch (outcome.kind) {
    case "found":
      return utf8Bytes(outcome.entry.value);
    case "conflict":
      return utf8Bytes(outcome.current?.value ?? "");
    case "page":
      return outcome.entries.reduce((sum, entry) => sum + pageEntryBytes(entry), 0);
    default:
      return 0;
  }
}

/** The estimate for one entry of a page. */
export function pageEntryBytes({ key, value }: JsonEntry): number {
  return 2 * utf8Bytes(key) + utf8Bytes(value) + entryFactsBytesMax;
}
