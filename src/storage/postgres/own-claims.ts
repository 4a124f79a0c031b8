/**
 * What a process knows of its storage node's claims, to notice that the database lost its newest commits: another primary
 * was found, or an older copy restored. Until a claim is made under a higher epoch its shard is not written, so that no
 * version is given twice.
 */
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import type { RefusedOutcome } from "../../core/operation.js";
import type { ShardNumber } from "../../core/shard.js";
import { isOwned } from "../claim.js";
import type { ShardClaim } from "../engine.js";
import { claimOf, type ShardHeader } from "../shard-header.js";
import { headerSeenBy } from "../shared-shard.js";
import type { SharedShards } from "./rows/shard-rows.js";
import { noNode, type SeenState, type StoredNode } from "./store-state.js";

/** Shards named in a line of the log. */
const shardsLoggedMax = 20;

export class OwnClaims {
  readonly #node: string;
  readonly #log: Log;
  /** The claims of the node that this process has seen last. */
  readonly #held = new Map<ShardNumber, ShardClaim>();
  /** The highest sequence that this process has seen committed. */
  readonly #committed = new Map<ShardNumber, number>();
  readonly #outdated = new Map<ShardNumber, ShardClaim>();
  #own: StoredNode = noNode;
  #isStartLost = false;

  constructor(node: string, log: Log) {
    this.#node = node;
    this.#log = log;
  }

  get outdated(): readonly ShardClaim[] {
    return [...this.#outdated.values()];
  }

  /** Call with each state that was read or committed. */
  see({ own, shards }: SeenState): void {
    if (own.revision > this.#own.revision) {
      this.#own = own;
      // What was written after the loss was decided by what the database has: the caller knows by now whether its start is there.
      this.#isStartLost = false;
    }
    for (const [shard, row] of shards) {
      const header = headerSeenBy(this.#node, row);
      this.#hold(shard, header);
      this.#renew(shard, header);
    }
  }

  committed(shard: ShardNumber, { sequence }: ShardHeader): void {
    if (sequence > (this.#committed.get(shard) ?? 0)) this.#committed.set(shard, sequence);
  }

  /** Call with locked headers, before anything is planned. Throws as `refuseLostStart` does. */
  check(headers: ReadonlyMap<ShardNumber, ShardHeader>): void {
    this.refuseLostStart();
    const lost = [...headers].filter(([shard, { sequence }]) => sequence < (this.#committed.get(shard) ?? 0));
    if (lost.length > 0) this.#loseTail(new Map(lost));
    for (const [shard, header] of headers) this.#renew(shard, header);
  }

  /** The refusal of a write, while the shard's claim is outdated. */
  refusalOf(shard: ShardNumber): RefusedOutcome | null {
    if (!this.#outdated.has(shard)) return null;
    const message =
      `The database has failed over or restarted, and may have lost the newest writes of shard ${shard}. ` +
      "Nothing was written. Writes are accepted again once the shard has a new epoch.";
    return { kind: "refused", code: "SHARD_UNAVAILABLE", message };
  }

  /** The process has found another primary, with this content, or the same one restarted. */
  failedOver(own: StoredNode, shards: SharedShards, place: string): void {
    const headers = new Map([...shards].map(([shard, row]) => [shard, headerSeenBy(this.#node, row)] as const));
    for (const [shard, header] of headers) this.#hold(shard, header);
    const lost = [...this.#committed].filter(([shard, sequence]) => (headers.get(shard)?.sequence ?? 0) < sequence);
    this.#outdate();
    for (const [shard, header] of headers) this.#renew(shard, header);
    this.#log.warn(
      { place, shards: this.#outdated.size },
      "The database has failed over or restarted. The storage node asks for new epochs of its shards before it writes again.",
    );
    if (lost.length > 0) this.#loseTail(new Map(lost.map(([shard]) => [shard, headers.get(shard)] as const)));
    const isOlder = own.revision < this.#own.revision;
    const isOther = own.revision === this.#own.revision && own.document !== this.#own.document;
    if (!isOlder && !isOther) return;
    this.#own = own;
    this.#isStartLost = true;
    this.#log.error({ place }, startLost);
  }

  /** Throws STORAGE_FAILED while the database may lack this start of the storage node. */
  refuseLostStart(): void {
    if (this.#isStartLost) throw new ShardgateError("STORAGE_FAILED", startLost);
  }

  /**
   * A claim that the database has lost was made all the same: the next epoch must be above it. States may also come in
   * another order than they were read in.
   */
  #hold(shard: ShardNumber, header: ShardHeader): void {
    if (header.epoch < (this.#held.get(shard)?.epoch ?? 0)) return;
    if (isOwned(header)) this.#held.set(shard, claimOf(shard, header));
    else this.#held.delete(shard);
  }

  /** A claim with a higher epoch, by any storage node, ends the refusals. */
  #renew(shard: ShardNumber, { epoch }: ShardHeader): void {
    const outdated = this.#outdated.get(shard);
    if (outdated !== undefined && epoch > outdated.epoch) this.#outdated.delete(shard);
  }

  #outdate(): void {
    for (const [shard, claim] of this.#held) {
      const epoch = Math.max(claim.epoch, this.#outdated.get(shard)?.epoch ?? 0);
      this.#outdated.set(shard, { ...claim, epoch });
    }
  }

  #loseTail(lost: ReadonlyMap<ShardNumber, ShardHeader | undefined>): void {
    this.#outdate();
    const shards = [...lost].map(([shard, header]) => {
      const found = header?.sequence ?? 0;
      const committed = this.#committed.get(shard) ?? 0;
      this.#committed.set(shard, found);
      return { shard, versionFound: found, versionAcknowledged: committed };
    });
    this.#log.error(
      { shards: shards.slice(0, shardsLoggedMax), count: shards.length },
      "The database has lost acknowledged writes: the newest versions of these shards are missing. Check that the database replicates synchronously and was not restored.",
    );
  }
}

const startLost =
  "The database lacks the newest record of this storage node: it was restored from an older copy, or has failed over to " +
  "one. The storage node neither reads nor writes until it has new epochs. If a gateway refuses it, the gateway's log says " +
  "what to do.";
