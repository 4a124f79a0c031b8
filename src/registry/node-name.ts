/**
 * Names of storage nodes and of clusters: 1 to 63 letters, digits, dots, underscores and hyphens, the first a letter or
 * digit. So a name needs no escaping in paths, host names, metric labels and log lines.
 */
import { ShardgateError } from "../core/error.js";
import { nameCharactersMax } from "../core/limits.js";

/** The storage node's name in `text`. Throws BAD_REQUEST. */
export function parseNodeName(text: string): string {
  return parseName(text, "storage node's name");
}

/** The cluster's name in `text`. Throws BAD_REQUEST. */
export function parseClusterName(text: string): string {
  return parseName(text, "cluster's name");
}

const namePattern = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${nameCharactersMax - 1}}$`);

function parseName(text: string, what: string): string {
  if (namePattern.test(text)) return text;
  throw new ShardgateError(
    "BAD_REQUEST",
    `The ${what} ${JSON.stringify(text.slice(0, nameCharactersMax + 1))} is not 1 to ${nameCharactersMax} letters, ` +
      "digits, `.`, `_` or `-` that start with a letter or digit.",
  );
}
