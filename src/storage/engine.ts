/**
 * The storage engine keeps the entries of many shards in one store and decides, within its own snapshot or transaction,
 * who may touch a shard. It knows nothing of HTTP or the cluster map. MemoryEngine, LmdbEngine and PostgresEngine
 * implement it, and pass test/conformance/storage-engine.ts. Callers pass in the current time.
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
 * An operation with the epoch it was sent under. It runs only if that epoch equals the shard's claim. A null epoch is
 * for callers that know none: the operation runs under the store's own claim.
 */
export interface Fenced<Operation> {
  readonly operation: Operation;
  readonly epoch: number | null;
}

export type FencedRead = Fenced<GetOperation | ScanOperation>;
export type FencedWrite = Fenced<WriteOperation>;

/** Bounds of one call of `read`. */
export interface ReadBudget {
  readonly nowMs: number;
  /**
   * Once the answer has this many bytes, as counted by core/answer-bytes.ts, further operations are refused with
   * BATCH_ANSWER_FULL and pages end early with `hasMore`. The first value, and the first entry of a first page, always
   * fit. See `nodeBatchAnswerBytesMax`.
   */
  readonly answerBytesMax: number;
}

/**
 * The store's durable record of who may touch a shard. The store owns the shard while `epoch` is above `releasedEpoch`.
 */
export interface ShardClaim {
  readonly shard: ShardNumber;
  /** The highest epoch that the store has claimed. */
  readonly epoch: number;
  /** The highest epoch that the store has released; 0 if none. */
  readonly releasedEpoch: number;
  /** The shard's lineage in the cluster map at the time of the claim. */
  readonly lineage: number;
  /**
   * Id of the move that seals the shard: until the move is over, the shard is neither read nor written. Null if not
   * sealed.
   */
  readonly sealedFor: string | null;
}

/** A change of one shard's claim. Repeating a change, or applying an older one, has no effect. */
export type ClaimChange =
  | {
      readonly kind: "claim";
      readonly shard: ShardNumber;
      readonly epoch: number;
      readonly lineage: number;
      readonly sealedFor: string | null;
    }
  /** Releases the claim of this epoch. A newer claim is unaffected, and the data stay. */
  | { readonly kind: "release"; readonly shard: ShardNumber; readonly epoch: number };

/** What all storage nodes of one shared store have in common. */
export interface SharedStore {
  /** Drawn when the store was created. */
  readonly id: string;
  /** The cluster whose data the store keeps; null: none yet. */
  readonly cluster: StoreCluster | null;
}

export interface StoreCluster {
  readonly clusterId: string;
  readonly shardCount: number;
}

/** The store's state beside its entries. */
export interface StoreState {
  /** The storage node's own small document (its identity and cluster); null until the first is written. */
  readonly document: string | null;
  /**
   * Set for a store that several storage nodes share. Each has a document of its own, and sees a claim of another one as
   * released.
   */
  readonly shared: SharedStore | null;
  /** The claims of all shards that were ever claimed here or have data, except the damaged ones. */
  readonly claims: ReadonlyMap<ShardNumber, ShardClaim>;
  /** Shards whose header (claim and figures) is damaged. Every operation on them is refused with ENTRY_DAMAGED. */
  readonly damagedShards: readonly ShardNumber[];
}

export interface StoreChange {
  /** The new document. Absent: the document stays as it is. */
  readonly document?: string;
  /** Binds a shared store to its cluster. Has no effect once it is bound. */
  readonly cluster?: StoreCluster;
  readonly claims: readonly ClaimChange[];
}

export interface ShardStats {
  /** Number of live keys; expired ones do not count. */
  readonly keyCount: number;
  /** Bytes of the live keys and their values. */
  readonly sizeBytes: number;
  /** Number of deletes and expiries that the change feed still has. */
  readonly tombstoneCount: number;
  /** The last sequence number given to a change; 0 if none. */
  readonly sequence: number;
  /**
   * Digest over key, version, value and times of all stored entries, independent of their order. Equal contents have
   * equal digests.
   */
  readonly digest: string;
}

/** A reader's position in a shard's change feed. */
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
  /** Null reads from the beginning, which yields a copy of the shard. */
  readonly cursor: ChangesCursor | null;
  readonly limit: number;
  /** The page ends once its values have this many bytes; the first change always fits. */
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
  /** Changes after the cursor have been dropped; the reader must begin anew. */
  | { readonly kind: "gap" }
  | RefusedOutcome;

export interface Swept {
  readonly expired: number;
  readonly tombstonesDropped: number;
  /** Whether the sweep stopped at one of its bounds, so that more may be due at once. */
  readonly isMore: boolean;
}

export interface StorageEngine {
  /** The engine's name for people and metrics: "memory", "lmdb" or "postgres". */
  readonly name: string;
  /** Whether written data outlive the process. */
  readonly isDurable: boolean;
  /**
   * How many calls of `write` may run at once. All operations of a call must be on shards of one lane, which is the shard's
   * number modulo `lanes`.
   */
  readonly lanes: number;

  /**
   * Resolves to one outcome per operation, in order, all from one snapshot. Operations are refused one by one: with
   * STALE_EPOCH when the operation's epoch is below the shard's claim; with SHARD_NOT_HOSTED when it is above, or the
   * shard is not owned or is sealed; with ENTRY_DAMAGED when an entry's checksum is wrong. An entry is gone from
   * `expiresAtMs` on. Once a reader has seen it gone it never reappears, even if the clock jumps back.
   */
  read(
    operations: readonly FencedRead[],
    budget: ReadBudget,
  ): Promise<readonly (GetOperationOutcome | PageOutcome | RefusedOutcome)[]>;

  /**
   * Runs the writes in order, in one atomic commit, and resolves once that is durable, with one outcome per operation.
   * The fence of `read` applies. Every successful put or delete takes the next version of its shard and epoch; no
   * version is given twice. Rejects with STORAGE_FULL or STORAGE_FAILED when certainly nothing was written, and with
   * OUTCOME_UNKNOWN when the commit may have happened.
   */
  write(operations: readonly FencedWrite[], nowMs: number): Promise<readonly (WriteOutcome | RefusedOutcome)[]>;

  /** Reads a page of a shard's change feed. */
  changes(request: ChangesRequest): Promise<ChangesOutcome>;

  state(): Promise<StoreState>;
  /**
   * Applies the change that `decide` returns (null: none) to document and claims, in one atomic commit, and resolves to
   * the new state once it is durable. Claims of damaged shards are left unchanged. `decide` must be pure: it may be
   * called again with a newer state. Rejects as `write` does, and with whatever `decide` throws. The call may always be
   * repeated.
   */
  changeState(decide: (state: StoreState) => StoreChange | null): Promise<StoreState>;

  /** Figures of every shard that was ever written or claimed, except the damaged ones. */
  stats(nowMs: number): Promise<ReadonlyMap<ShardNumber, ShardStats>>;

  /** Bytes of the engine's files on disk; null when it has none. */
  fileBytes(): Promise<number | null>;

  /**
   * Sweeps the shards that this store owns: expires up to `entriesMax` entries, each as a change with a version of its
   * own, and drops up to `entriesMax` tombstones that exceed `tombstoneAgeMsMax` or `tombstonesMax`, the oldest first.
   * Also performs a bounded part of the engine's deferred maintenance of its own files.
   */
  sweep(nowMs: number, entriesMax: number): Promise<Swept>;

  /**
   * Shards whose claims must be renewed, under a higher epoch, before they are written again: until then writes are refused
   * with SHARD_UNAVAILABLE. The engine's database has failed over, and its new primary may lack the newest versions.
   */
  outdatedClaims(): readonly ShardClaim[];

  /** Whether the engine's database has not answered for some seconds, though it was asked. Never for one in this process. */
  readonly isStoreLost: boolean;

  /** Waits for running calls and releases the files. The engine must not be used afterwards. */
  close(): Promise<void>;
}
