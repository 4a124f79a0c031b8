/**
 * Checks whether a page can be the answer to a scan. A storage node that confused its answers could otherwise make the
 * gateway return keys outside the requested range, or request the same page for ever.
 */
import { compareKeys } from "../core/key.js";
import type { PageOutcome, ScanOperation } from "../core/operation.js";

/** What is wrong with the page, as a phrase; null if nothing is. */
export function pageProblem({ entries, hasMore }: PageOutcome, scan: ScanOperation): string | null {
  const { prefix, after, before, limit, isReverse } = scan;
  if (entries.length > limit) return `${entries.length} entries where ${limit} were asked for`;
  if (hasMore && entries.length === 0) return "more entries, but not one of them";
  // Keys must be strictly between the bounds, in the scan's direction, so each key need only be compared with the
  // previous one.
  const end = isReverse ? after : before;
  let last = isReverse ? before : after;
  for (const { key } of entries) {
    if (!key.startsWith(prefix)) return `key ${JSON.stringify(key)}, which has another prefix`;
    if (last !== null && !isBehind(key, last, isReverse)) return `key ${JSON.stringify(key)} in the wrong place`;
    last = key;
  }
  if (end !== null && last !== null && entries.length > 0 && !isBehind(end, last, isReverse)) {
    return `key ${JSON.stringify(last)} beyond the end`;
  }
  return null;
}

function isBehind(key: string, other: string, isReverse: boolean): boolean {
  const order = compareKeys(key, other);
  return isReverse ? order < 0 : order > 0;
}
