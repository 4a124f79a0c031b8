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
import type { ReadBudget, ShardStats, StorageEngine } from "./engine.js";
import { formatKey, openDatabases, type Databases } from "./lmdb-databases.js";
import { storageError } from "./lmdb-failure.js";
import { checkLmdbFolder, lmdbFile } from "./lmdb-folder.js";
import {
  decodeEntry,
  decodeFigures,
  decodeSize,
  encodeEntry,
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
    return this.#snapshot(() => readFrom(source, operations, budget));
  }

  write(...[operations, nowMs, floorOf]: Parameters<StorageEngine["write"]>): ReturnType<StorageEngine["write"]> {
    return this.#commit(() => {
      const tally = new LmdbTally(this.#databases.figures);
      const state = {
        find: (shard: ShardNumber, key: Key) => this.#find(shard, key),
        sequenceOf: (shard: ShardNumber) => tally.sequenceOf(shard),
      };
      const plan = planWrites(state, operations, nowMs, floorOf);
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

  readDocument(): Promise<string | null> {
    return this.#snapshot(() => {
      const bytes = this.#databases.documents.get(documentKey);
      return bytes === undefined ? null : Buffer.from(bytes).toString("utf8");
    });
  }

  async writeDocument(text: string): Promise<void> {
    await this.#commit(() => {
      this.#databases.documents.put(documentKey, Buffer.from(text, "utf8"));
    });
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#commits);
    await this.#databases.root.close();
  }

  #find(shard: ShardNumber, key: Key): Entry | null {
    const bytes = this.#databases.entries.get(entryKey(shard, key));
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
      throw await storageError(error, this.#folder);
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
      throw await storageError(error, this.#folder);
    }
  }
}

const documentKey = Buffer.from("document");
function expiredOptions(nowMs: number): { readonly start: Buffer; readonly end: Buffer } {
  const { lower, upper } = expiredRange(nowMs);
  return { start: lower, end: upper };
}
