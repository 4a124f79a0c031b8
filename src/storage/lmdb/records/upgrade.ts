/**
 * Upgrades data of the first format, written by version 0.1.0, in transactions of bounded size. Entries move from the
 * old databases to the new ones, so that an interrupted upgrade continues at the next start. Versions, times, values
 * and sequences stay the same; claims are taken from the old document.
 */
import { ShardgateError } from "../../../core/error.js";
import type { JsonEntry } from "../../../core/entry.js";
import type { JsonText } from "../../../core/text/json-text.js";
import type { ShardNumber } from "../../../core/shard.js";
import { versionOf } from "../../../core/version.js";
import { countEntry, emptyHeader, type MutableHeader, type ShardHeader } from "../../shard-header.js";
import { bufferOf, encodeEntry } from "../../stored-entry.js";
import { ChangeIndex } from "./change-index.js";
import { decodeHeader, encodeDocument, encodeHeader } from "./checked-record.js";
import type { Databases, FirstFormat } from "./databases.js";
import { documentKey, format, formatKey, upgradingFormat } from "./record-format.js";
import { decodeText, encodeNumber, encodeText, expiryKey, keyOfEntryKey, shardKey, shardOfKeyBytes } from "./record.js";

/** Entries that one transaction of an upgrade moves: some megabytes, and well under a second. */
const upgradeEntriesMax = 2_000;

type Upgraded = Databases & FirstFormat;

/** Performs all remaining steps; `isStopped` is checked between transactions. */
export async function upgradeDatabases(
  databases: Upgraded,
  entriesMax = upgradeEntriesMax,
  isStopped: () => boolean = () => false,
): Promise<void> {
  while (!isStopped()) {
    // Transactions of several processes exclude each other, and each step continues where the last one ended.
    const isDone = await databases.documents.childTransaction(() => step(databases, entriesMax));
    if (isDone) return;
  }
}

function step(databases: Upgraded, entriesMax: number): boolean {
  const written = databases.documents.get(formatKey);
  const found = written === undefined ? format : decodeText(written);
  if (found === format) return true;
  if (found === upgradingFormat) return moveEntries(databases, entriesMax);
  begin(databases);
  return false;
}

/** Converts headers and document in one transaction. From then on older programs refuse the data. */
function begin({ documents, shards, oldFigures }: Upgraded): void {
  const text = documents.get(documentKey);
  const document = text === undefined ? null : oldDocument(decodeText(text));
  const headers = new Map<ShardNumber, ShardHeader>();
  for (const { key, value } of oldFigures.getRange()) {
    const sequence = bufferOf(value).readDoubleBE(0);
    // Earlier deletes are unknown.
    headers.set(shardOfKeyBytes(key), { ...emptyHeader, sequence, horizon: sequence });
  }
  for (const { shardId, epoch, isHosted } of document?.shards ?? []) {
    const header = headers.get(shardId) ?? emptyHeader;
    headers.set(shardId, { ...header, epoch, releasedEpoch: isHosted ? 0 : epoch });
  }
  for (const [shard, header] of headers) shards.put(shardKey(shard), encodeHeader(shard, header));
  if (document !== null) {
    const { clusterId, shardCount, mapVersion } = document;
    documents.put(documentKey, encodeDocument(JSON.stringify({ clusterId, shardCount, mapVersion })));
  }
  documents.remove(Buffer.from("document version"));
  documents.put(formatKey, encodeText(upgradingFormat));
}

/** Moves up to `entriesMax` entries; returns whether none are left. */
function moveEntries(databases: Upgraded, entriesMax: number): boolean {
  const { documents, shards, records, expiring, oldEntries, oldExpiries, oldFigures } = databases;
  const index = new ChangeIndex(databases);
  const moved = [...oldEntries.getRange({ limit: entriesMax })];
  const headers = new Map<ShardNumber, MutableHeader>();
  for (const { key: id, value } of moved) {
    const shard = shardOfKeyBytes(id);
    const encoded = encodeEntry(shard, firstFormatEntry(id, value));
    const { key, version, expiresAtMs } = encoded.entry;
    const header = headers.get(shard) ?? { ...storedHeader(shards, shard) };
    countEntry(header, encoded, 1);
    headers.set(shard, header);
    records.put(id, encoded.record);
    // Entries are in the order of their keys, so versions do not ascend.
    index.insert(shard, { version: Number(version), key });
    if (expiresAtMs !== null) expiring.put(expiryKey(shard, expiresAtMs, key), encodeNumber(encoded.sizeBytes));
    oldEntries.remove(id);
    if (expiresAtMs !== null) oldExpiries.remove(Buffer.concat([encodeNumber(expiresAtMs), id]));
  }
  for (const [shard, header] of headers) shards.put(shardKey(shard), encodeHeader(shard, header));
  if (moved.length > 0) return false;
  const figures = [...oldFigures.getKeys()];
  for (const shard of figures) oldFigures.remove(shard);
  documents.put(formatKey, encodeText(format));
  return true;
}

function storedHeader(shards: Databases["shards"], shard: ShardNumber): ShardHeader {
  const bytes = shards.get(shardKey(shard));
  return bytes === undefined ? emptyHeader : decodeHeader(shard, bytes);
}

/** The first format has version, times and value, without a checksum. */
function firstFormatEntry(id: Uint8Array, value: Uint8Array): JsonEntry {
  const bytes = bufferOf(value);
  const expiresAtMs = bytes.readDoubleBE(24);
  return {
    key: keyOfEntryKey(id),
    version: versionOf(bytes.readDoubleBE(0)),
    createdAtMs: bytes.readDoubleBE(8),
    updatedAtMs: bytes.readDoubleBE(16),
    expiresAtMs: expiresAtMs === Infinity ? null : expiresAtMs,
    value: bytes.toString("utf8", 32, value.length) as JsonText,
  };
}

interface OldDocument {
  readonly clusterId: string;
  readonly shardCount: number;
  readonly mapVersion: number;
  readonly shards: readonly {
    readonly shardId: ShardNumber;
    readonly epoch: number;
    readonly isHosted: boolean;
  }[];
}

function oldDocument(text: string): OldDocument {
  try {
    const document = JSON.parse(text) as OldDocument;
    if (Array.isArray(document.shards)) return document;
  } catch {
    // Refused below.
  }
  throw new ShardgateError(
    "STORAGE_FAILED",
    "The record of the storage node's cluster and shards cannot be read, so the data were not upgraded. Restore them from a backup.",
  );
}
