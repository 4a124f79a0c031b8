/**
 * Decides what a group of writes does, without doing it: outcomes, changed entries and the shards' new sequence
 * numbers. An engine applies the plan in one commit. Each operation sees what those before it in the group have done.
 */
import assert from "node:assert/strict";
import type { Entry } from "../core/entry.js";
import type { Key } from "../core/key.js";
import { conditionHolds, type PutOperation, type WriteOperation, type WriteOutcome } from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import { versionOf, type Version } from "../core/version.js";
import type { SequenceFloor } from "./engine.js";
import { expiresAtMs, isLive } from "./stored-entry.js";

/** What an engine holds before the group. */
export interface StoredState {
  /** The entry, also when it has expired and is not yet swept. */
  find(shard: ShardNumber, key: Key): Entry | null;
  /** The last sequence number that the shard gave away; 0 when it never was written. */
  sequenceOf(shard: ShardNumber): number;
}

/** What becomes of one key. */
export interface EntryChange {
  readonly shard: ShardNumber;
  readonly key: Key;
  readonly before: Entry | null;
  readonly after: Entry | null;
}

interface DraftChange extends EntryChange {
  after: Entry | null;
}

export interface WritePlan {
  readonly outcomes: readonly WriteOutcome[];
  /** At most one per key; none for a key that is as it was. */
  readonly changes: readonly EntryChange[];
  /** Of the shards that were written. */
  readonly sequences: ReadonlyMap<ShardNumber, number>;
}

/** The plan for `operations`, in order. See StorageEngine.write. */
export function planWrites(
  state: StoredState,
  operations: readonly WriteOperation[],
  nowMs: number,
  floorOf: SequenceFloor = () => 0,
): WritePlan {
  const draft = new Draft(state, floorOf);
  const outcomes = operations.map((operation) => {
    const change = draft.change(operation.shard, operation.key);
    const current = change.after !== null && isLive(change.after, nowMs) ? change.after : null;
    if (!conditionHolds(operation.condition, current)) return { kind: "conflict" as const, current };
    if (operation.kind === "put") return put(draft, change, operation, current, nowMs);
    return current === null ? { kind: "notFound" as const } : remove(draft, change, current);
  });
  return { outcomes, changes: draft.changes(), sequences: draft.sequences };
}

/** The state with the group's own changes on top; asks the engine once per key. */
class Draft {
  readonly #state: StoredState;
  readonly #floorOf: SequenceFloor;
  readonly #changes = new Map<string, DraftChange>();
  readonly #sequences = new Map<ShardNumber, number>();

  constructor(state: StoredState, floorOf: SequenceFloor) {
    this.#state = state;
    this.#floorOf = floorOf;
  }

  /** Of the key, as the operations before have left it. */
  change(shard: ShardNumber, key: Key): DraftChange {
    const id = `${shard}/${key}`;
    const known = this.#changes.get(id);
    if (known !== undefined) return known;
    const stored = this.#state.find(shard, key);
    const change = { shard, key, before: stored, after: stored };
    this.#changes.set(id, change);
    return change;
  }

  nextVersion(shard: ShardNumber): Version {
    const last = this.#sequences.get(shard) ?? Math.max(this.#state.sequenceOf(shard), this.#floorOf(shard));
    const sequence = last + 1;
    assert(Number.isSafeInteger(sequence), `Shard ${shard} has used up its sequence numbers.`);
    this.#sequences.set(shard, sequence);
    return versionOf(sequence);
  }

  changes(): readonly EntryChange[] {
    return [...this.#changes.values()].filter(({ before, after }) => before !== after);
  }

  get sequences(): ReadonlyMap<ShardNumber, number> {
    return this.#sequences;
  }
}

function put(
  draft: Draft,
  change: DraftChange,
  { shard, key, value, expiry }: PutOperation,
  current: Entry | null,
  nowMs: number,
): WriteOutcome {
  const facts = {
    version: draft.nextVersion(shard),
    createdAtMs: current === null ? nowMs : current.createdAtMs,
    updatedAtMs: nowMs,
    expiresAtMs: expiresAtMs(expiry, nowMs),
  };
  change.after = { key, value, ...facts };
  return { kind: "written", isNew: current === null, facts };
}

function remove(draft: Draft, change: DraftChange, { version }: Entry): WriteOutcome {
  draft.nextVersion(change.shard);
  change.after = null;
  return { kind: "deleted", version };
}
