/** An entry: what is stored under one key. Times are milliseconds since 1970 (UTC); null means that nobody recorded them. */
import type { JsonText } from "./text/json-text.js";
import type { Key } from "./key.js";
import type { Version } from "./version.js";

/** What a storage node knows of an entry beside its value. A plain storage node knows nothing: all null. */
export interface EntryFacts {
  readonly version: Version | null;
  readonly createdAtMs: number | null;
  readonly updatedAtMs: number | null;
  /** From this moment on the entry is gone for every reader; null means never. */
  readonly expiresAtMs: number | null;
}

/** A stored key with its value, as JSON text and never as a parsed object. */
export interface JsonEntry extends EntryFacts {
  readonly key: Key;
  readonly value: JsonText;
}
