/**
 * Reads entries and shard fences from LMDB. Fences are cached in memory, so that a batch of reads over many shards
 * reads one counter instead of a header per shard. Every commit that changes a fence, in any process, changes that
 * counter too.
 */
import type { JsonEntry } from "../../../core/entry.js";
import type { Key } from "../../../core/key.js";
import type { ScanOperation } from "../../../core/operation.js";
import type { ShardNumber } from "../../../core/shard.js";
import type { EntrySource } from "../../read-operations.js";
import type { ShardFence } from "../../shard-header.js";
import type { Bytes } from "./databases.js";
import { fencesKey } from "./record-format.js";
import { decodeNumber, encodeNumber } from "./record.js";
import type { ShardRecords } from "./shard-records.js";

export class FencedEntries implements EntrySource {
  readonly #documents: Bytes;
  readonly #records: ShardRecords;
  /** Indexed by shard number. */
  #fences: (ShardFence | undefined)[] = [];
  #changes = -1;

  constructor(documents: Bytes, records: ShardRecords) {
    this.#documents = documents;
    this.#records = records;
  }

  /** Call at the beginning of each snapshot, before any other method. */
  refresh(): void {
    const changes = this.#stored();
    if (changes === this.#changes) return;
    this.#fences = [];
    this.#changes = changes;
  }

  /** The shard's fence in the current snapshot. */
  fence(shard: ShardNumber): ShardFence {
    const known = this.#fences[shard];
    if (known !== undefined) return known;
    const { epoch, releasedEpoch, lineage, sealedFor, expiryMarkMs } = this.#records.header(shard);
    const fence = { epoch, releasedEpoch, lineage, sealedFor, expiryMarkMs };
    this.#fences[shard] = fence;
    return fence;
  }

  find(shard: ShardNumber, key: Key): JsonEntry | null {
    return this.#records.findEntry(shard, key);
  }

  range(operation: ScanOperation): Iterable<JsonEntry> {
    return this.#records.range(operation);
  }

  /** Call once within each transaction that changes a fence. */
  fenceChanged(): void {
    const next = this.#stored() + 1;
    // Adding one changes every number but one so large that it must be damaged.
    this.#documents.put(fencesKey, encodeNumber(Number.isSafeInteger(next) ? next : 1));
  }

  #stored(): number {
    const bytes = this.#documents.getBinaryFast(fencesKey);
    return bytes === undefined ? 0 : decodeNumber(bytes);
  }
}
