/** The comparisons behind storage/lmdb/check/verify.ts, one database after the other. */
import { ShardgateError } from "../../../core/error.js";
import type { Key } from "../../../core/key.js";
import type { ShardNumber } from "../../../core/shard.js";
import { digestWith, emptyDigest } from "../../checksum.js";
import { emptyHeader, type ShardHeader } from "../../shard-header.js";
import { decodeStoredEntry, type StoredEntry } from "../../stored-entry.js";
import { ChangeIndex } from "../records/change-index.js";
import { sectionsOf } from "../records/change-journal.js";
import { itemsOfList, unpackItems, type ChangeItem } from "../records/change-list.js";
import { decodeDocument, decodeHeader, decodeTombstone } from "../records/checked-record.js";
import type { Bytes, Databases } from "../records/databases.js";
import { documentKey, fencesKey, formatKey } from "../records/record-format.js";
import {
  decodeNumber,
  decodeText,
  entryKey,
  expiryKey,
  keyOfEntryKey,
  keyOfExpiryKey,
  numberOfKey,
  shardKey,
  shardOfKeyBytes,
  versionKey,
} from "../records/record.js";
import { ShardRecords } from "../records/shard-records.js";

export interface FolderProblem {
  /** Null when the problem concerns the whole folder. */
  readonly shard: ShardNumber | null;
  /** Null when the problem concerns the whole shard. */
  readonly key: Key | null;
  /** What is wrong, as a sentence. */
  readonly what: string;
}

export interface FolderFigures {
  /** Number of shards that were ever claimed or written. */
  readonly shards: number;
  readonly entries: number;
  readonly tombstones: number;
  /** Bytes of the entries' keys and values. */
  readonly bytes: number;
}

/** What was counted for one shard, to be compared with its header. */
interface Counted {
  keyCount: number;
  sizeBytes: number;
  expiringCount: number;
  tombstoneCount: number;
  staleCount: number;
  newest: number;
  /** The highest version in the shard's lists of changes so far. */
  newestListed: number;
  /** The shard's items in the journal of changes, by version. */
  readonly journal: Map<number, Key>;
  digest: ShardHeader["digest"];
}

export class FolderCheck {
  readonly #databases: Databases;
  readonly #records: ShardRecords;
  readonly #index: ChangeIndex;
  readonly #report: (problem: FolderProblem) => void;
  readonly #counted = new Map<ShardNumber, Counted>();

  constructor(databases: Databases, report: (problem: FolderProblem) => void) {
    this.#databases = databases;
    this.#records = new ShardRecords(databases);
    this.#index = new ChangeIndex(databases);
    this.#report = report;
  }

  all(): FolderFigures {
    this.#documents();
    // The journal comes first, because an entry's item may be there instead of in a list.
    this.#each(this.#databases.journal, (id, value) => this.#journal(id, value));
    this.#each(this.#databases.records, (id, value) => this.#entry(id, value));
    this.#each(this.#databases.changes, (id, value) => this.#changes(id, value));
    this.#each(this.#databases.expiring, (id, value) => this.#expiry(id, value));
    this.#each(this.#databases.tombstones, (id, value) => this.#tombstone(id, value));
    this.#each(this.#databases.buried, (id, value) => this.#grave(id, value));
    const headers = this.#headers();
    const counted = [...this.#counted.values()];
    const sum = (of: (shard: Counted) => number): number => counted.reduce((total, shard) => total + of(shard), 0);
    return {
      shards: new Set([...headers, ...this.#counted.keys()]).size,
      entries: sum(({ keyCount }) => keyCount),
      tombstones: sum(({ tombstoneCount }) => tombstoneCount),
      bytes: sum(({ sizeBytes }) => sizeBytes),
    };
  }

  #documents(): void {
    this.#each(this.#databases.documents, (id, value) => {
      const name = decodeText(id);
      const isKnown = documentNames.includes(name) && this.#isIn(this.#databases.documents, id);
      this.#expect(null, null, { [`The record ${JSON.stringify(name)} is not one of this program.`]: isKnown });
      if (name === decodeText(documentKey)) decodeDocument(value);
    });
  }

  #entry(id: Uint8Array, value: Uint8Array): void {
    const shard = shardOfKeyBytes(id);
    const key = keyOfEntryKey(id);
    const stored = decodeStoredEntry(shard, key, value);
    const { version, expiresAtMs } = stored.entry;
    this.#count(shard, stored);
    this.#expect(shard, key, {
      "Its key is not well-formed UTF-8.": Buffer.compare(entryKey(shard, key), id) === 0,
      "It cannot be found by its key.": this.#records.find(shard, key)?.checksum === stored.checksum,
      "The index of changes does not have its version.": this.#isIndexed(shard, { version: Number(version), key }),
      "The order of expiry does not have it.":
        expiresAtMs === null || this.#isIn(this.#databases.expiring, expiryKey(shard, expiresAtMs, key)),
      "It has a tombstone although it is there.": this.#records.findTombstone(shard, key) === null,
    });
  }

  #changes(id: Uint8Array, value: Uint8Array): void {
    const shard = shardOfKeyBytes(id);
    const lastVersion = numberOfKey(id);
    const counted = this.#of(shard);
    const isFound = isVersionKey(id) && this.#isIn(this.#databases.changes, id);
    for (const item of unpackItems(itemsOfList(shard, lastVersion, value))) {
      const { version, key } = item;
      if (this.#records.staleItems.has(shard, item)) counted.staleCount++;
      this.#expect(shard, key, {
        // A misplaced item would make readers skip others.
        "An item of it in the index of changes is not in its place.": isFound && version > counted.newestListed,
      });
      counted.newestListed = Math.max(counted.newestListed, version);
    }
    counted.newest = Math.max(counted.newest, lastVersion);
  }

  #journal(id: Uint8Array, value: Uint8Array): void {
    const isFound = this.#isIn(this.#databases.journal, id);
    for (const section of sectionsOf(id, value)) {
      const { shard } = section;
      const counted = this.#of(shard);
      for (const item of unpackItems(section)) {
        if (this.#records.staleItems.has(shard, item)) counted.staleCount++;
        counted.newest = Math.max(counted.newest, item.version);
        counted.journal.set(item.version, item.key);
        this.#expect(shard, item.key, { "An item of it in the journal of changes is not in its place.": isFound });
      }
    }
  }

  #isIndexed(shard: ShardNumber, item: ChangeItem): boolean {
    return this.#of(shard).journal.get(item.version) === item.key || this.#index.isListed(shard, item);
  }

  #expiry(id: Uint8Array, value: Uint8Array): void {
    const shard = shardOfKeyBytes(id);
    const key = keyOfExpiryKey(id);
    const stored = this.#records.find(shard, key);
    this.#expect(shard, key, {
      "The order of expiry has a moment that is not its own.": stored?.entry.expiresAtMs === numberOfKey(id),
      "The order of expiry has a size that is not its own.": stored?.sizeBytes === decodeNumber(value),
    });
  }

  #tombstone(id: Uint8Array, value: Uint8Array): void {
    const shard = shardOfKeyBytes(id);
    const version = numberOfKey(id);
    const { key } = decodeTombstone(shard, version, value);
    const counted = this.#of(shard);
    counted.tombstoneCount++;
    counted.newest = Math.max(counted.newest, version);
    this.#expect(shard, key, {
      "Its tombstone cannot be found by its version.": this.#isIn(this.#databases.tombstones, id),
      "Its tombstone cannot be found by its key.": this.#records.findTombstone(shard, key) === version,
      "It has a tombstone although it is there.": this.#records.find(shard, key) === null,
    });
  }

  #grave(id: Uint8Array, value: Uint8Array): void {
    const shard = shardOfKeyBytes(id);
    this.#expect(shard, keyOfEntryKey(id), {
      "A tombstone of it is missing.": this.#isIn(this.#databases.tombstones, versionKey(shard, decodeNumber(value))),
    });
  }

  /** The shards that have a header. */
  #headers(): readonly ShardNumber[] {
    const shards: ShardNumber[] = [];
    this.#each(this.#databases.shards, (id, value) => {
      const shard = shardOfKeyBytes(id);
      shards.push(shard);
      const header = decodeHeader(shard, value);
      const isFound = Buffer.compare(shardKey(shard), id) === 0 && this.#isIn(this.#databases.shards, id);
      this.#expect(shard, null, { "Its record cannot be found by its number.": isFound });
      this.#compare(shard, header);
    });
    for (const shard of this.#counted.keys()) if (!shards.includes(shard)) this.#compare(shard, emptyHeader);
    return shards;
  }

  #compare(shard: ShardNumber, header: ShardHeader): void {
    const { keyCount, sizeBytes, expiringCount, tombstoneCount, staleCount, newest, digest } = this.#of(shard);
    this.#expect(shard, null, {
      [`It has ${keyCount} whole entries, and its record says ${header.keyCount}.`]: keyCount === header.keyCount,
      [`Its entries have ${sizeBytes} bytes, and its record says ${header.sizeBytes}.`]: sizeBytes === header.sizeBytes,
      [`${expiringCount} entries expire, and its record says ${header.expiringCount}.`]:
        expiringCount === header.expiringCount,
      [`It has ${tombstoneCount} tombstones, and its record says ${header.tombstoneCount}.`]:
        tombstoneCount === header.tombstoneCount,
      [`Its index of changes has ${staleCount} stale items, and its record says ${header.staleCount}.`]:
        staleCount === header.staleCount,
      [`Version ${newest} is above its last one, ${header.sequence}.`]: newest <= header.sequence,
      "The digest in its header differs from that of its entries.":
        digest.low === header.digest.low && digest.high === header.digest.high,
    });
  }

  #count(shard: ShardNumber, { entry, checksum, sizeBytes }: StoredEntry): void {
    const counted = this.#of(shard);
    counted.keyCount++;
    counted.sizeBytes += sizeBytes;
    counted.expiringCount += entry.expiresAtMs === null ? 0 : 1;
    counted.newest = Math.max(counted.newest, Number(entry.version));
    counted.digest = digestWith(counted.digest, checksum, 1);
  }

  #of(shard: ShardNumber): Counted {
    let counted = this.#counted.get(shard);
    if (counted === undefined) {
      counted = { ...nothingCounted, journal: new Map() };
      this.#counted.set(shard, counted);
    }
    return counted;
  }

  #each(database: Bytes, check: (id: Uint8Array, value: Uint8Array) => void): void {
    for (const { key, value } of database.getRange()) {
      try {
        check(key, value);
      } catch (error) {
        const isOfShard =
          database !== this.#databases.documents && database !== this.#databases.journal && key.length >= 2;
        const shard = isOfShard ? shardOfKeyBytes(key) : null;
        const damaged = error instanceof ShardgateError ? error.details["key"] : null;
        this.#problem(shard, typeof damaged === "string" ? (damaged as Key) : null, error);
      }
    }
  }

  #isIn(database: Bytes, id: Uint8Array): boolean {
    return database.getBinaryFast(id) !== undefined;
  }

  #expect(shard: ShardNumber | null, key: Key | null, expectations: Readonly<Record<string, boolean>>): void {
    for (const [what, holds] of Object.entries(expectations)) if (!holds) this.#report({ shard, key, what });
  }

  #problem(shard: ShardNumber | null, key: Key | null, error: unknown): void {
    this.#report({ shard, key, what: error instanceof Error ? error.message : String(error) });
  }
}

const nothingCounted: Omit<Counted, "journal"> = {
  keyCount: 0,
  sizeBytes: 0,
  expiringCount: 0,
  tombstoneCount: 0,
  staleCount: 0,
  newest: 0,
  newestListed: 0,
  digest: emptyDigest,
};

const documentNames = [formatKey, documentKey, fencesKey].map(decodeText);

function isVersionKey(id: Uint8Array): boolean {
  return id.length === 10;
}
