/**
 * The storage engine: keeps the entries of many shards in one place and knows nothing of HTTP, epochs or the cluster.
 * Implementations: MemoryEngine, LmdbEngine; all pass test/conformance/storage-engine.ts. The current time is passed in.
 */
import type {
  GetOperation,
  GetOutcome,
  PageOutcome,
  RefusedOutcome,
  ScanOperation,
  WriteOperation,
  WriteOutcome,
} from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";

/** The document beside the entries, and how often it was written; 0 before the first time. */
export interface StoredDocument {
  readonly text: string;
  readonly version: number;
}

/** Another process has replaced the document; nothing was done. Whoever acted on the old one reads it anew. */
export class DocumentChanged extends Error {
  override readonly name = "DocumentChanged";

  constructor() {
    super("The document beside the entries is a newer one.");
  }
}

/** Bounds of one read: see `nodeBatchAnswerBytesMax`. */
export interface ReadBudget {
  readonly nowMs: number;
  /**
   * Once the answer has this many bytes, as core/answer-bytes.ts counts them, further operations are refused with
   * BATCH_ANSWER_FULL and pages end early with `hasMore`. The first value and the first entry of a first page always fit.
   */
  readonly answerBytesMax: number;
  /** When given, the snapshot must have this version of the document. Else the read rejects with DocumentChanged. */
  readonly documentVersion?: number | undefined;
}

/** Of a shard: the number that others may have given away before, so that it is not given again. */
export type SequenceFloor = (shard: ShardNumber) => number;

/** What a commit keeps to beside its operations. */
export interface WriteRules {
  /** 0 for every shard when left out. */
  readonly floorOf?: SequenceFloor;
  readonly documentVersion?: number | undefined;
}

export interface ShardStats {
  /** Live keys: expired ones do not count. */
  readonly keyCount: number;
  /** Bytes of the live keys and their values. */
  readonly sizeBytes: number;
}

export interface StorageEngine {
  /** For people and metrics: "memory", "lmdb". */
  readonly name: string;

  /** One outcome per operation, in order, all from one snapshot. An entry is gone from `expiresAtMs` on. */
  read(
    operations: readonly (GetOperation | ScanOperation)[],
    budget: ReadBudget,
  ): Promise<readonly (GetOutcome | PageOutcome | RefusedOutcome)[]>;

  /**
   * Runs the writes in order, in one atomic commit, and resolves when it is durable: all of them happened, with one
   * outcome each, or (on rejection, STORAGE_FULL or STORAGE_FAILED) none. Every put and delete that happens takes the
   * next sequence number of its shard as version; numbers are never reused. A conflict or a delete of nothing takes none.
   * The numbers are greater than the shard's `floorOf`. With `documentVersion` the commit happens on that version of the
   * document only, and else rejects with DocumentChanged.
   */
  write(operations: readonly WriteOperation[], nowMs: number, rules?: WriteRules): Promise<readonly WriteOutcome[]>;

  /** Figures of every shard that has ever been written. */
  stats(nowMs: number): Promise<ReadonlyMap<ShardNumber, ShardStats>>;

  /** How long its files are on disk; null when it has none. */
  fileBytes(): Promise<number | null>;

  /** Removes up to `entriesMax` entries that have expired; resolves to how many it removed. Takes no sequence numbers. */
  sweep(nowMs: number, entriesMax: number): Promise<number>;

  /** A small document the storage node keeps beside its entries (its cluster and epochs); null before the first write. */
  readDocument(): Promise<StoredDocument | null>;
  /**
   * Replaces the document, and resolves to its new version when it is durable. With `documentVersion` only that version is
   * replaced; for another one it rejects with DocumentChanged.
   */
  writeDocument(text: string, documentVersion?: number): Promise<number>;

  /** Finishes what is under way and releases the files. Nothing may be called afterwards. */
  close(): Promise<void>;
}
