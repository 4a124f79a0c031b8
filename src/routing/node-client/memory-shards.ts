/**
 * The entries of a few shards in maps, with the semantics of a storage node but without durability; MemoryNodeClient
 * answers from them. Kept small enough to be verified by reading.
 */
import type { JsonEntry, EntryFacts } from "../../core/entry.js";
import { compareKeys, utf8Bytes, type Key } from "../../core/key.js";
import {
  conditionHolds,
  type Operation,
  type Outcome,
  type PutOperation,
  type ScanOperation,
} from "../../core/operation.js";
import type { ShardNumber } from "../../core/shard.js";
import { versionOf } from "../../core/version.js";
import type { HostedShard } from "../../wire/membership.js";

interface MemoryShard {
  readonly entries: Map<Key, JsonEntry>;
  sequence: number;
}

/** The claim of a shard, as a store keeps it. */
export interface MemoryClaim {
  readonly epoch: number;
  readonly releasedEpoch: number;
  readonly lineage: number;
  readonly sealedFor: string | null;
}

export class MemoryShards {
  readonly #shards = new Map<ShardNumber, MemoryShard>();

  execute(operation: Operation, nowMs: number): Outcome {
    const shard = this.#shard(operation.shard);
    if (operation.kind === "scan") return pageOf(shard, operation, nowMs);
    const current = live(shard.entries.get(operation.key), nowMs);
    if (operation.kind === "get") return current === null ? { kind: "notFound" } : { kind: "found", entry: current };
    if (operation.kind === "put" && operation.expiry?.kind === "at" && operation.expiry.atMs <= nowMs)
      return expiryPassed(operation);
    if (!conditionHolds(operation.condition, current)) return { kind: "conflict", current };
    if (operation.kind === "put") {
      const entry = writtenEntry(operation, current, ++shard.sequence, nowMs);
      shard.entries.set(operation.key, entry);
      return { kind: "written", isNew: current === null, facts: factsOf(entry) };
    }
    if (current === null) return { kind: "notFound" };
    shard.sequence++;
    shard.entries.delete(operation.key);
    return { kind: "deleted", version: current.version };
  }

  /** Every shard with a claim or data. */
  hosted(claims: ReadonlyMap<number, MemoryClaim>): readonly HostedShard[] {
    const shardIds = new Set<number>([...this.#shards.keys(), ...claims.keys()]);
    return [...shardIds].map((shardId) => {
      const entries = [...(this.#shards.get(shardId as ShardNumber)?.entries.values() ?? [])];
      const sizeBytes = entries.reduce((sum, { key, value }) => sum + Buffer.byteLength(key + value), 0);
      const claim = claims.get(shardId) ?? { epoch: null, releasedEpoch: 0, lineage: 0, sealedFor: null };
      return { shardId, keyCount: entries.length, sizeBytes, ...claim };
    });
  }

  #shard(number: ShardNumber): MemoryShard {
    let shard = this.#shards.get(number);
    if (shard === undefined) this.#shards.set(number, (shard = { entries: new Map(), sequence: 0 }));
    return shard;
  }
}

function live(entry: JsonEntry | undefined, nowMs: number): JsonEntry | null {
  return entry === undefined || (entry.expiresAtMs !== null && entry.expiresAtMs <= nowMs) ? null : entry;
}

function expiryPassed({ key, shard }: PutOperation): Outcome {
  const message = `The expiry of key ${JSON.stringify(key)} in shard ${shard} has passed by the storage node's clock.`;
  return { kind: "refused", code: "EXPIRY_PASSED", message };
}

function writtenEntry(
  { key, value, expiry }: PutOperation,
  current: JsonEntry | null,
  sequence: number,
  nowMs: number,
): JsonEntry {
  const expiresAtMs = expiry === null ? null : expiry.kind === "at" ? expiry.atMs : nowMs + expiry.seconds * 1000;
  const createdAtMs = current?.createdAtMs ?? nowMs;
  return { key, value, version: versionOf(sequence), createdAtMs, updatedAtMs: nowMs, expiresAtMs };
}

function factsOf({ version, createdAtMs, updatedAtMs, expiresAtMs }: JsonEntry): EntryFacts {
  return { version, createdAtMs, updatedAtMs, expiresAtMs };
}

function pageOf(shard: MemoryShard, scan: ScanOperation, nowMs: number): Outcome {
  const { prefix, after, before, limit, bytesMax, isReverse } = scan;
  const matching = [...shard.entries.values()].filter(
    (entry) =>
      live(entry, nowMs) !== null &&
      entry.key.startsWith(prefix) &&
      (after === null || compareKeys(entry.key, after) > 0) &&
      (before === null || compareKeys(entry.key, before) < 0),
  );
  const sorted = matching.toSorted((a, b) => (isReverse ? -1 : 1) * compareKeys(a.key, b.key));
  let bytes = 0;
  const fitting = sorted.slice(0, limit).filter(({ value }, index) => {
    const isFitting = index === 0 || bytes < bytesMax;
    bytes += utf8Bytes(value);
    return isFitting;
  });
  return { kind: "page", entries: fitting, hasMore: sorted.length > fitting.length };
}
