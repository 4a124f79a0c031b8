/**
 * The storage engine on LMDB: one environment per storage node, where an acknowledged write is on disk. Four databases:
 * entries, their order of expiry, each shard's figures, and documents; lmdb-record.ts says how they stand there. Reads
 * hold a snapshot only within one turn of the event loop, because an open one makes the file grow.
 */
import { stat } from "node:fs/promises";
import type { Entry } from "../core/entry.js";
import type { Key } from "../core/key.js";
import type { ScanOperation } from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import {
  DocumentChanged,
  type ReadBudget,
  type ShardStats,
  type StorageEngine,
  type StoredDocument,
} from "./engine.js";
import { formatKey, openDatabases, type Databases } from "./lmdb-databases.js";
import { storageError } from "./lmdb-failure.js";
import { checkLmdbFolder, lmdbFile } from "./lmdb-folder.js";
import {
  decodeEntry,
  decodeFigures,
  decodeNumber,
  decodeSize,
  encodeEntry,
  encodeNumber,
  encodeSize,
  entryKey,
  entryKeyOfExpiryKey,
  expiredRange,
  expiryKey,
  keyOfEntryKey,
  scanRange,
  shardOfEntryKey,
} from "./lmdb-record.js";
import { LmdbTally } from "./lmdb-tally.js";
import { readFrom } from "./read-operations.js";
import { liveStats, sizeOf } from "./stored-entry.js";
import { planWrites, type EntryChange } from "./write-plan.js";

export class LmdbEngine implements StorageEngine {
  readonly name = "lmdb";
  readonly #folder: string;
  readonly #databases: Databases;
  readonly #commits = new Set<Promise<unknown>>();

  /**
   * Opens the data in `folder`, or begins anew there. Throws STORAGE_FAILED, with the folder and what to do, when it
   * cannot be written or its file is damaged, foreign or of another format; and STORAGE_FULL.
   */
  static async open(folder: string): Promise<LmdbEngine> {
    await checkLmdbFolder(folder);
    try {
      return new LmdbEngine(folder, await openDatabases(folder));
    } catch (error) {
      throw await storageError(error, folder);
    }
  }

  private constructor(folder: string, databases: Databases) {
    this.#folder = folder;
    this.#databases = databases;
  }

  read(operations: Parameters<StorageEngine["read"]>[0], budget: ReadBudget): ReturnType<StorageEngine["read"]> {
    const source = {
      find: (shard: ShardNumber, key: Key) => this.#find(shard, key),
      range: (operation: ScanOperation) => this.#range(operation),
    };
    return this.#snapshot(() => {
      this.#checkDocument(budget.documentVersion);
      return readFrom(source, operations, budget);
    });
  }

  write(...[operations, nowMs, rules = {}]: Parameters<StorageEngine["write"]>): ReturnType<StorageEngine["write"]> {
    return this.#commit(() => {
      this.#checkDocument(rules.documentVersion);
      const tally = new LmdbTally(this.#databases.figures);
      const state = {
        find: (shard: ShardNumber, key: Key) => this.#find(shard, key),
        sequenceOf: (shard: ShardNumber) => tally.sequenceOf(shard),
      };
      const plan = planWrites(state, operations, nowMs, rules.floorOf);
      for (const change of plan.changes) this.#apply(change, tally);
      for (const [shard, sequence] of plan.sequences) tally.setSequence(shard, sequence);
      tally.save();
      return plan.outcomes;
    });
  }

  stats(nowMs: number): Promise<ReadonlyMap<ShardNumber, ShardStats>> {
    const { figures, expiries } = this.#databases;
    return this.#snapshot(() => {
      const stored = figures.getRange().map(({ key, value }) => [shardOfEntryKey(key), decodeFigures(value)] as const);
      const expired = expiries
        .getRange(expiredOptions(nowMs))
        .map(({ key, value }) => [shardOfEntryKey(entryKeyOfExpiryKey(key)), decodeSize(value)] as const);
      return liveStats(stored, expired);
    });
  }

  async fileBytes(): Promise<number> {
    return (await stat(lmdbFile(this.#folder))).size;
  }

  async sweep(nowMs: number, entriesMax: number): Promise<number> {
    const { entries, expiries, figures } = this.#databases;
    const options = { ...expiredOptions(nowMs), limit: entriesMax };
    const expired = await this.#snapshot(() => [...expiries.getKeys(options)]);
    if (expired.length === 0) return 0;
    return this.#commit(() => {
      const tally = new LmdbTally(figures);
      let removed = 0;
      for (const key of expired) {
        const size = expiries.get(key);
        // Written anew since the snapshot: what expired is gone already.
        if (size === undefined) continue;
        const entry = entryKeyOfExpiryKey(key);
        expiries.remove(key);
        entries.remove(entry);
        tally.count(shardOfEntryKey(entry), -1, decodeSize(size));
        removed++;
      }
      tally.save();
      return removed;
    });
  }

  readDocument(): Promise<StoredDocument | null> {
    return this.#snapshot(() => {
      const bytes = this.#databases.documents.get(documentKey);
      if (bytes === undefined) return null;
      return { text: Buffer.from(bytes).toString("utf8"), version: this.#documentVersion() };
    });
  }

  writeDocument(text: string, documentVersion?: number): Promise<number> {
    const { documents } = this.#databases;
    return this.#commit(() => {
      this.#checkDocument(documentVersion);
      const version = this.#documentVersion() + 1;
      documents.put(documentKey, Buffer.from(text, "utf8"));
      documents.put(documentVersionKey, encodeNumber(version));
      return version;
    });
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#commits);
    await this.#databases.root.close();
  }

  /** To be called within the snapshot or transaction that it is to hold for. */
  #checkDocument(expected: number | undefined): void {
    if (expected !== undefined && expected !== this.#documentVersion()) throw new DocumentChanged();
  }

  #documentVersion(): number {
    const bytes = this.#databases.documents.get(documentVersionKey);
    return bytes === undefined ? 0 : decodeNumber(bytes);
  }

  #find(shard: ShardNumber, key: Key): Entry | null {
    // The next read overwrites it. That is fine: what is decoded is copied, and half of the time was for another copy.
    const bytes = this.#databases.entries.getBinaryFast(entryKey(shard, key));
    return bytes === undefined ? null : decodeEntry(key, bytes);
  }

  *#range(operation: ScanOperation): Iterable<Entry> {
    const { lower, upper } = scanRange(operation);
    if (Buffer.compare(lower, upper) >= 0) return;
    const options = operation.isReverse
      ? { start: upper, exclusiveStart: true, end: lower, inclusiveEnd: true, reverse: true }
      : { start: lower, end: upper };
    for (const { key, value } of this.#databases.entries.getRange(options)) {
      yield decodeEntry(keyOfEntryKey(key), value);
    }
  }

  #apply({ shard, key, before, after }: EntryChange, tally: LmdbTally): void {
    const { entries, expiries } = this.#databases;
    const id = entryKey(shard, key);
    if (before !== null) {
      if (before.expiresAtMs !== null) expiries.remove(expiryKey(before.expiresAtMs, id));
      if (after === null) entries.remove(id);
      tally.count(shard, -1, sizeOf(before));
    }
    if (after !== null) {
      const sizeBytes = sizeOf(after);
      if (after.expiresAtMs !== null) expiries.put(expiryKey(after.expiresAtMs, id), encodeSize(sizeBytes));
      entries.put(id, encodeEntry(after));
      tally.count(shard, 1, sizeBytes);
    }
  }

  /** Runs `read` on the newest snapshot, and lets go of it before anyone else has a turn. */
  async #snapshot<T>(read: () => T): Promise<T> {
    try {
      return this.#readNow(read);
    } catch (error) {
      throw await this.#failure(error);
    }
  }

  #readNow<T>(read: () => T): T {
    const { root } = this.#databases;
    root.resetReadTxn();
    try {
      return read();
    } finally {
      root.resetReadTxn();
    }
  }

  /**
   * Runs `change` in one transaction and resolves when it is on disk. A child transaction, since only that is rolled
   * back when `change` throws; commits that come together share one flush.
   */
  async #commit<T>(change: () => T): Promise<T> {
    const { entries, documents } = this.#databases;
    try {
      // In an environment that LMDB gave up, a read fails, but a transaction would wait for ever.
      this.#readNow(() => documents.get(formatKey));
      const commit = entries.childTransaction(change);
      this.#commits.add(commit);
      return await commit.finally(() => this.#commits.delete(commit));
    } catch (error) {
      throw await this.#failure(error);
    }
  }

  async #failure(error: unknown): Promise<Error> {
    return error instanceof DocumentChanged ? error : storageError(error, this.#folder);
  }
}

const documentKey = Buffer.from("document");
/** Absent in data that an older program wrote. */
const documentVersionKey = Buffer.from("document version");

function expiredOptions(nowMs: number): { readonly start: Buffer; readonly end: Buffer } {
  const { lower, upper } = expiredRange(nowMs);
  return { start: lower, end: upper };
}
