/**
 * The storage engine: keeps the entries of many shards in one store and decides, in its own snapshot or transaction, who
 * may touch a shard. It knows nothing of HTTP or the cluster map. Implementations: MemoryEngine, LmdbEngine; all pass
 * test/conformance/storage-engine.ts. The current time is passed in.
 */
import type { JsonEntry } from "../core/entry.js";
import type { Key } from "../core/key.js";
import type {
  GetOperation,
  GetOperationOutcome,
  PageOutcome,
  RefusedOutcome,
  ScanOperation,
  WriteOperation,
  WriteOutcome,
} from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import type { Version } from "../core/version.js";

/**
 * An operation with the epoch it was sent under. It runs only if that equals the shard's claim. Null: sent by a caller who
 * knows no epoch; it runs under the store's own claim, whatever that is.
 */
export interface Fenced<Operation> {
  readonly operation: Operation;
  readonly epoch: number | null;
}

export type FencedRead = Fenced<GetOperation | ScanOperation>;
export type FencedWrite = Fenced<WriteOperation>;

/** Bounds of one read: see `nodeBatchAnswerBytesMax`. */
export interface ReadBudget {
  readonly nowMs: number;
  /**
   * Once the answer has this many bytes, as core/answer-bytes.ts counts them, further operations are refused with
   * BATCH_ANSWER_FULL and pages end early with `hasMore`. The first value and the first entry of a first page always fit.
   */
  readonly answerBytesMax: number;
}

/** What a store durably keeps of who may touch a shard. The store owns the shard while `epoch` is above `releasedEpoch`. */
export interface ShardClaim {
  readonly shard: ShardNumber;
  /** The highest epoch that was claimed. */
  readonly epoch: number;
  /** The highest epoch that was given up; 0: none. */
  readonly releasedEpoch: number;
  /** Of the shard, as the cluster map had it at the claim. */
  readonly lineage: number;
  /** Id of the move for which nothing of the shard is read or written until it is over; null: none. */
  readonly sealedFor: string | null;
}

/** A change of one shard's claim. Repeating one changes nothing, and an older one changes nothing either. */
export type ClaimChange =
  | {
      readonly kind: "claim";
      readonly shard: ShardNumber;
      readonly epoch: number;
      readonly lineage: number;
      readonly sealedFor: string | null;
    }
  /** Gives up the claim of this epoch; a newer one stays, and so do the data. */
  | { readonly kind: "release"; readonly shard: ShardNumber; readonly epoch: number };

/** What a store keeps beside its entries. */
export interface StoreState {
  /** A small document of the storage node's own (its identity and cluster); null before the first. */
  readonly document: string | null;
  /** Of every shard that was ever claimed here, or has data; without the damaged ones. */
  readonly claims: ReadonlyMap<ShardNumber, ShardClaim>;
  /** Shards whose record of claim and figures is damaged. Every operation on them is refused with ENTRY_DAMAGED. */
  readonly damagedShards: readonly ShardNumber[];
}

export interface StoreChange {
  /** Absent: the document stays. */
  readonly document?: string;
  readonly claims: readonly ClaimChange[];
}

export interface ShardStats {
  /** Live keys: expired ones do not count. */
  readonly keyCount: number;
  /** Bytes of the live keys and their values. */
  readonly sizeBytes: number;
  /** Deletes and expiries that the change feed still has. */
  readonly tombstoneCount: number;
  /** The last sequence number given to a change; 0: none. */
  readonly sequence: number;
  /** Over key, version, value, times of all stored entries, independent of their order. Equal contents have equal digests. */
  readonly digest: string;
}

/** How far a reader of a shard's change feed has come. */
export interface ChangesCursor {
  readonly lineage: number;
  /** The version of the last change read; 0 at the beginning. */
  readonly after: number;
  /** The shard's newest version when the reader began. */
  readonly since: number;
}

export interface ChangesRequest {
  readonly shard: ShardNumber;
  readonly epoch: number | null;
  /** Null: from the beginning, a copy of the shard. */
  readonly cursor: ChangesCursor | null;
  readonly limit: number;
  /** Once the values of a page hold this many bytes it ends; the first change always fits. */
  readonly bytesMax: number;
}

export type Change =
  | { readonly kind: "put"; readonly entry: JsonEntry }
  | {
      readonly kind: "deleted" | "expired";
      readonly key: Key;
      readonly version: Version;
      readonly atMs: number;
    };

export type ChangesOutcome =
  | {
      readonly kind: "changes";
      /** The newest state of each key that changed after the cursor, in order of version. */
      readonly changes: readonly Change[];
      readonly cursor: ChangesCursor;
      readonly hasMore: boolean;
    }
  /** What happened after the cursor is not known completely; the reader begins anew. */
  | { readonly kind: "gap" }
  | RefusedOutcome;

export interface Swept {
  readonly expired: number;
  readonly tombstonesDropped: number;
  /** Whether the sweep ended at one of its bounds: there may be more to do at once. */
  readonly isMore: boolean;
}

export interface StorageEngine {
  /** For people and metrics: "memory", "lmdb". */
  readonly name: string;
  /** Whether what is written outlives the process. */
  readonly isDurable: boolean;

  /**
   * One outcome per operation, in order, all from one snapshot. An operation whose epoch is not the claim's, or whose
   * shard is not owned or is sealed, is refused alone (STALE_EPOCH when lower, SHARD_NOT_HOSTED otherwise); an entry whose
   * checksum is wrong with ENTRY_DAMAGED. An entry is gone from `expiresAtMs` on, and once a reader was answered so it
   * never comes back, whatever the clock does later.
   */
  read(
    operations: readonly FencedRead[],
    budget: ReadBudget,
  ): Promise<readonly (GetOperationOutcome | PageOutcome | RefusedOutcome)[]>;

  /**
   * Runs the writes in order, in one atomic commit, and resolves when it is durable, with one outcome each. Fenced as
   * reads are. Every put and delete that happens takes the next version of its shard and epoch; none is given twice.
   * Rejects with STORAGE_FULL or STORAGE_FAILED when certainly nothing happened, with OUTCOME_UNKNOWN when the commit may
   * have happened.
   */
  write(operations: readonly FencedWrite[], nowMs: number): Promise<readonly (WriteOutcome | RefusedOutcome)[]>;

  /** A page of a shard's change feed. */
  changes(request: ChangesRequest): Promise<ChangesOutcome>;

  state(): Promise<StoreState>;
  /**
   * Changes document and claims as `decide` says (null: not at all), in one atomic commit, and resolves to the state
   * after it when that is durable. Changes of damaged shards' claims are left out. `decide` is pure and may be called again, with a newer state. Rejects as `write` does
   * and with what `decide` throws; repeating the call is always right.
   */
  changeState(decide: (state: StoreState) => StoreChange | null): Promise<StoreState>;

  /** Figures of every shard that was ever written or claimed; without the damaged ones. */
  stats(nowMs: number): Promise<ReadonlyMap<ShardNumber, ShardStats>>;

  /** How long its files are on disk; null when it has none. */
  fileBytes(): Promise<number | null>;

  /**
   * In the shards that this store owns: expires up to `entriesMax` entries, each as a change with a version of its own,
   * and drops up to `entriesMax` tombstones beyond `tombstoneAgeMsMax` and `tombstonesMax`, the oldest first. Also does a
   * bounded part of what the engine puts off in its own files.
   */
  sweep(nowMs: number, entriesMax: number): Promise<Swept>;

  /** Finishes what is under way and releases the files. Nothing may be called afterwards. */
  close(): Promise<void>;
}
