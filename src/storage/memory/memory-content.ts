/**
 * What memory engines keep: the content of one engine, or of a store that the engines of several storage nodes share.
 * It only stores; the engines decide.
 */
import type { ShardNumber } from "../../core/shard.js";
import type { SharedStore, StoreChange, StoreCluster } from "../engine.js";
import { emptyHeader, type ShardHeader } from "../shard-header.js";
import { headerSeenBy, type SharedShard } from "../shared-shard.js";
import { MemoryShard } from "./memory-shard.js";

export class MemoryContent {
  /** Id of the shared store; null for the content of one engine. */
  readonly sharedId: string | null;
  readonly shards = new Map<ShardNumber, MemoryShard>();
  readonly #owners = new Map<ShardNumber, string>();
  readonly #documents = new Map<string, string>();
  /** Headers as they look to other storage nodes than the owner. The same object each time, for plans compare headers. */
  readonly #released = new WeakMap<ShardHeader, ShardHeader>();
  #cluster: StoreCluster | null = null;
  #stateChanges = 0;

  constructor(sharedId: string | null = null) {
    this.sharedId = sharedId;
  }

  /** Number of changes of documents, cluster and claims. */
  get stateChanges(): number {
    return this.#stateChanges;
  }

  get shared(): SharedStore | null {
    return this.sharedId === null ? null : { id: this.sharedId, cluster: this.#cluster };
  }

  documentOf(node: string): string | null {
    return this.#documents.get(node) ?? null;
  }

  row(shard: ShardNumber): SharedShard {
    return { header: this.shards.get(shard)?.header ?? emptyHeader, owner: this.#owners.get(shard) ?? null };
  }

  headerSeenBy(node: string, shard: ShardNumber): ShardHeader {
    const row = this.row(shard);
    const seen = headerSeenBy(node, row);
    if (seen === row.header) return seen;
    const released = this.#released.get(row.header) ?? seen;
    this.#released.set(row.header, released);
    return released;
  }

  find(shard: ShardNumber): MemoryShard | undefined {
    return this.shards.get(shard);
  }

  /** The shard, which is added if it is new. */
  shard(number: ShardNumber): MemoryShard {
    let shard = this.shards.get(number);
    if (shard === undefined) {
      shard = new MemoryShard();
      this.shards.set(number, shard);
    }
    return shard;
  }

  /** `shards`: the shards after the change's claims. */
  change(
    node: string,
    { document, cluster }: Pick<StoreChange, "document" | "cluster">,
    shards: ReadonlyMap<ShardNumber, SharedShard>,
  ): void {
    this.#stateChanges++;
    if (document !== undefined) this.#documents.set(node, document);
    this.#cluster ??= cluster ?? null;
    for (const [number, { header, owner }] of shards) {
      if (header === this.row(number).header) continue;
      this.shard(number).header = header;
      if (owner !== null) this.#owners.set(number, owner);
    }
  }

  clear(): void {
    this.shards.clear();
    this.#owners.clear();
  }
}
