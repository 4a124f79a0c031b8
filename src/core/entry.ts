/**
 * An entry: what is stored under one key. Times are milliseconds since 1970 (UTC); null means that they were not
 * recorded.
 */
import type { JsonText } from "./text/json-text.js";
import type { Key } from "./key.js";
import type { Version } from "./version.js";

/** The facts of an entry beside its value. A plain storage node records none of them: all are null. */
export interface EntryFacts {
  readonly version: Version | null;
  readonly createdAtMs: number | null;
  readonly updatedAtMs: number | null;
  /** From this moment on the entry is gone for every reader; null means never. */
  readonly expiresAtMs: number | null;
}

/** A stored key with its value. The value is JSON text, never a parsed object. */
export interface JsonEntry extends EntryFacts {
  readonly key: Key;
  readonly value: JsonText;
}
