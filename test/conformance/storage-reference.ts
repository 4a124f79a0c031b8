/**
 * The simplest possible storage engine: lists that are filtered and sorted for every call. The answers of other engines
 * are compared with its own.
 */
import { tombstoneAgeMsMax } from "../../src/core/limits.js";
import type { JsonEntry } from "../../src/core/entry.js";
import type { Key } from "../../src/core/key.js";
import type { GetOperation, Outcome, PutOperation, ScanOperation, WriteOperation } from "../../src/core/operation.js";
import type { ShardNumber } from "../../src/core/shard.js";
import type {
  Change,
  ChangesOutcome,
  ChangesRequest,
  ClaimChange,
  Fenced,
  ShardClaim,
} from "../../src/storage/engine.js";
import { version } from "./storage-operations.js";

interface Shard {
  readonly claim: ShardClaim;
  readonly sequence: number;
  readonly horizon: number;
  readonly markMs: number;
  readonly entries: readonly JsonEntry[];
  readonly tombstones: readonly Exclude<Change, { readonly kind: "put" }>[];
}

const versionsPerEpoch = 2 ** 32;

export class ReferenceEngine {
  readonly #shards = new Map<ShardNumber, Shard>();

  write({ operation, epoch }: Fenced<WriteOperation>, nowMs: number): Outcome | string {
    const shard = this.shard(operation.shard);
    const refusal = this.#refusal(operation.shard, epoch);
    if (refusal !== null) return refusal;
    const passed = operation.kind === "put" ? expiryRefusal(operation, shard, nowMs) : null;
    if (passed !== null) return passed;
    const stored = shard.entries.find(({ key }) => key === operation.key);
    const current = stored !== undefined && isLive(stored, shard, nowMs) ? stored : null;
    const { condition } = operation;
    const holds =
      condition === null ||
      (condition.kind === "ifAbsent" && current === null) ||
      (condition.kind === "ifPresent" && current !== null) ||
      (condition.kind === "ifVersion" && current?.version === condition.version);
    if (!holds || (operation.kind === "delete" && current === null)) {
      if (stored !== undefined && current === null) this.#judge(operation.shard, stored);
      return holds ? { kind: "notFound" } : { kind: "conflict", current };
    }
    return operation.kind === "put" ? this.#put(operation, current, nowMs) : this.#remove(operation, current, nowMs);
  }

  get({ operation, epoch }: Fenced<GetOperation>, nowMs: number): Outcome | string {
    const refusal = this.#refusal(operation.shard, epoch);
    if (refusal !== null) return refusal;
    const entry = this.shard(operation.shard).entries.find(({ key }) => key === operation.key);
    if (entry === undefined) return { kind: "notFound" };
    if (isLive(entry, this.shard(operation.shard), nowMs)) return { kind: "found", entry };
    this.#judge(operation.shard, entry);
    return { kind: "notFound" };
  }

  /** Pages are compared without a limit on bytes. */
  scan({ operation, epoch }: Fenced<ScanOperation>, nowMs: number): Outcome | string {
    const refusal = this.#refusal(operation.shard, epoch);
    if (refusal !== null) return refusal;
    const { prefix, after, before, limit, isReverse } = operation;
    const shard = this.shard(operation.shard);
    const matching = shard.entries
      .filter(({ key }) => bytes(key).subarray(0, bytes(prefix).length).equals(bytes(prefix)))
      .filter(({ key }) => after === null || Buffer.compare(bytes(key), bytes(after)) > 0)
      .filter(({ key }) => before === null || Buffer.compare(bytes(key), bytes(before)) < 0)
      .toSorted((a, b) => (isReverse ? -1 : 1) * Buffer.compare(bytes(a.key), bytes(b.key)));
    const live = matching.filter((entry) => isLive(entry, shard, nowMs));
    // Entries after the one that makes `hasMore` true were not read.
    const end = live[limit] === undefined ? matching.length : matching.indexOf(live[limit]);
    for (const entry of matching.slice(0, end)) if (!isLive(entry, shard, nowMs)) this.#judge(operation.shard, entry);
    return { kind: "page", entries: live.slice(0, limit), hasMore: live.length > limit };
  }

  changes({ shard: number, epoch, cursor, limit }: ChangesRequest): ChangesOutcome | string {
    const refusal = this.#refusal(number, epoch);
    if (refusal !== null) return refusal;
    const shard = this.shard(number);
    const from = cursor ?? { lineage: shard.claim.lineage, after: 0, since: shard.sequence };
    if (from.lineage !== shard.claim.lineage || shard.horizon > Math.max(from.since, from.after))
      return { kind: "gap" };
    const puts = shard.entries.map((entry) => ({ kind: "put" as const, entry }));
    const all = [...puts, ...shard.tombstones]
      .filter((change) => versionOf(change) > from.after)
      .toSorted((a, b) => versionOf(a) - versionOf(b));
    const changes = all.slice(0, limit);
    const last = changes.at(-1);
    const after = last === undefined ? from.after : versionOf(last);
    return { kind: "changes", changes, cursor: { ...from, after }, hasMore: all.length > limit };
  }

  change(change: ClaimChange): void {
    const shard = this.shard(change.shard);
    const { claim } = shard;
    if (change.kind === "release") {
      if (change.epoch !== claim.epoch) return;
      this.#set(change.shard, { claim: { ...claim, releasedEpoch: claim.epoch } });
      return;
    }
    if (change.epoch < claim.epoch) return;
    const lineage = Math.max(claim.lineage, change.lineage);
    const { epoch, sealedFor } = change;
    const floor = (epoch - 1) * versionsPerEpoch;
    if (epoch > claim.epoch + 1 && claim.epoch <= claim.releasedEpoch) {
      this.#set(change.shard, { horizon: Math.max(shard.horizon, shard.sequence, floor) });
    }
    this.#set(change.shard, {
      claim: { ...claim, epoch, lineage, sealedFor },
      sequence: Math.max(shard.sequence, floor),
    });
  }

  /** Expires all entries that are due; returns their number. */
  sweep(nowMs: number): number {
    let expired = 0;
    for (const [number, { claim }] of this.#shards) {
      if (claim.epoch <= claim.releasedEpoch || claim.sealedFor !== null) continue;
      const due = this.shard(number)
        .entries.filter((entry) => !isLive(entry, this.shard(number), nowMs))
        .toSorted(
          (a, b) => Number(a.expiresAtMs) - Number(b.expiresAtMs) || Buffer.compare(bytes(a.key), bytes(b.key)),
        );
      for (const { key } of due) this.#bury(number, key, "expired", nowMs);
      expired += due.length;
      if (this.shard(number).markMs > nowMs) this.#set(number, { markMs: 0 });
      this.#dropTombstones(number, nowMs);
    }
    return expired;
  }

  figures(nowMs: number): ReadonlyMap<ShardNumber, object> {
    return new Map(
      [...this.#shards].map(([number, shard]) => {
        const live = shard.entries.filter((entry) => isLive(entry, shard, nowMs));
        const sizeBytes = live.reduce((sum, { key, value }) => sum + bytes(key + value).length, 0);
        const { sequence, tombstones } = shard;
        return [number, { keyCount: live.length, sizeBytes, sequence, tombstoneCount: tombstones.length }];
      }),
    );
  }

  claims(): ReadonlyMap<ShardNumber, ShardClaim> {
    return new Map([...this.#shards].map(([number, { claim }]) => [number, claim]));
  }

  shard(number: ShardNumber): Shard {
    const claim = { shard: number, epoch: 0, releasedEpoch: 0, lineage: 0, sealedFor: null };
    return this.#shards.get(number) ?? { claim, sequence: 0, horizon: 0, markMs: 0, entries: [], tombstones: [] };
  }

  #put(operation: PutOperation, current: JsonEntry | null, nowMs: number): Outcome {
    const { shard, key, value, expiry } = operation;
    const createdAtMs = current?.createdAtMs ?? nowMs;
    const facts = {
      version: this.#next(shard),
      createdAtMs,
      updatedAtMs: Math.max(createdAtMs, nowMs),
      expiresAtMs: expiry === null ? null : momentOf(expiry, nowMs),
    };
    const { entries, tombstones } = this.shard(shard);
    this.#set(shard, {
      entries: [...entries.filter((entry) => entry.key !== key), { key, value, ...facts }],
      tombstones: tombstones.filter((tombstone) => tombstone.key !== key),
    });
    return { kind: "written", isNew: current === null, facts };
  }

  #remove({ shard, key }: WriteOperation, current: JsonEntry | null, nowMs: number): Outcome {
    this.#bury(shard, key, "deleted", nowMs);
    return { kind: "deleted", version: current?.version ?? null };
  }

  #bury(number: ShardNumber, key: Key, kind: "deleted" | "expired", atMs: number): void {
    const version = this.#next(number);
    const { entries, tombstones } = this.shard(number);
    this.#set(number, {
      entries: entries.filter((entry) => entry.key !== key),
      tombstones: [...tombstones, { kind, key, version, atMs }],
    });
  }

  #dropTombstones(number: ShardNumber, nowMs: number): void {
    for (;;) {
      const { tombstones, horizon } = this.shard(number);
      const [oldest] = tombstones;
      if (oldest === undefined || oldest.atMs > nowMs - tombstoneAgeMsMax) return;
      this.#set(number, { tombstones: tombstones.slice(1), horizon: Math.max(horizon, Number(oldest.version)) });
    }
  }

  #next(number: ShardNumber) {
    const { sequence, claim } = this.shard(number);
    const next = Math.max(sequence, (claim.epoch - 1) * versionsPerEpoch) + 1;
    this.#set(number, { sequence: next });
    return version(String(next));
  }

  #judge(number: ShardNumber, { expiresAtMs }: JsonEntry): void {
    this.#set(number, { markMs: Math.max(this.shard(number).markMs, expiresAtMs ?? 0) });
  }

  /** Returns only the code. */
  #refusal(number: ShardNumber, epoch: number | null): string | null {
    const { claim } = this.shard(number);
    if (epoch !== null && (epoch < claim.epoch || epoch <= claim.releasedEpoch)) return "STALE_EPOCH";
    if (claim.epoch <= claim.releasedEpoch || (epoch !== null && epoch > claim.epoch)) return "SHARD_NOT_HOSTED";
    return claim.sealedFor === null ? null : "SHARD_UNAVAILABLE";
  }

  #set(number: ShardNumber, change: Partial<Shard>): void {
    this.#shards.set(number, { ...this.shard(number), ...change });
  }
}

function versionOf(change: Change): number {
  return Number(change.kind === "put" ? change.entry.version : change.version);
}

function isLive({ expiresAtMs }: JsonEntry, { markMs }: Shard, nowMs: number): boolean {
  return expiresAtMs === null || Math.max(nowMs, markMs) < expiresAtMs;
}

function expiryRefusal({ expiry }: PutOperation, { markMs }: Shard, nowMs: number): string | null {
  if (expiry === null) return null;
  const moment = momentOf(expiry, nowMs);
  if (moment <= nowMs) return "EXPIRY_PASSED";
  return moment <= markMs ? "SHARD_UNAVAILABLE" : null;
}

function momentOf(expiry: NonNullable<PutOperation["expiry"]>, nowMs: number): number {
  return expiry.kind === "at" ? expiry.atMs : nowMs + expiry.seconds * 1000;
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}
