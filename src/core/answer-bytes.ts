/**
 * How long outcomes make the answer to a batch, in bytes and rather too many than too few: what bounds an answer counts
 * with it. Beside a value stand a few facts; in a page also its key, which JSON may write twice as long.
 */
import type { JsonEntry } from "./entry.js";
import { utf8Bytes } from "./key.js";
import type { Outcome } from "./operation.js";

/** What stands beside a key and a value in the answer to a batch, at most: a version, three moments, a length, and their names. */
const entryFactsBytesMax = 160;

/** Zero for what carries no entry: an answer has room for that as often as a batch has operations. */
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

/** Of one entry of a page. */
export function pageEntryBytes({ key, value }: JsonEntry): number {
  return 2 * utf8Bytes(key) + utf8Bytes(value) + entryFactsBytesMax;
}
