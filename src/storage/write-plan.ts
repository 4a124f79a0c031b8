/**
 * Decides what a group of writes does, without doing it: the outcomes, the changed entries and the shards' new headers.
 * An engine applies the plan in one commit, which is valid only if the shards' headers are still those of the plan.
 * Each operation sees the effects of the earlier ones in the group.
 */
import type { JsonEntry } from "../core/entry.js";
import type { Key } from "../core/key.js";
import {
  conditionHolds,
  type PutOperation,
  type RefusedOutcome,
  type WriteOperation,
  type WriteOutcome,
} from "../core/operation.js";
import type { ShardNumber } from "../core/shard.js";
import { versionOf } from "../core/version.js";
import { fenceRefusal } from "./claim.js";
import type { FencedWrite } from "./engine.js";
import { expiryMoment, isExpired } from "./expiry.js";
import { damageRefusal } from "./read-operations.js";
import { KeyDraft, ShardDraft, type StoragePlan } from "./storage-plan.js";
import { judgingMs, type ShardHeader } from "./shard-header.js";
import type { StoredEntry } from "./stored-entry.js";

/** The engine's state before the group. All methods may throw ENTRY_DAMAGED. */
export interface StoredState {
  header(shard: ShardNumber): ShardHeader;
  /** The stored entry, even when it has expired and is not swept yet. */
  find(shard: ShardNumber, key: Key): StoredEntry | null;
  /** The version of the key's tombstone. Called only when the shard has tombstones and the key has no entry. */
  findTombstone(shard: ShardNumber, key: Key): number | null;
}

export interface WritePlan extends StoragePlan {
  readonly outcomes: readonly (WriteOutcome | RefusedOutcome)[];
}

/** The plan for `operations`, in order. See StorageEngine.write. */
export function planWrites(state: StoredState, operations: readonly FencedWrite[], nowMs: number): WritePlan {
  const draft = new GroupDraft(state, nowMs);
  const outcomes = operations.map((operation) => draft.outcome(operation));
  return { outcomes, ...draft.plan() };
}

/** The state including the group's own changes. Reads from the engine once per shard and key. */
class GroupDraft {
  readonly #state: StoredState;
  readonly #nowMs: number;
  readonly #shards = new Map<ShardNumber, ShardDraft>();
  readonly #keys = new Map<string, KeyDraft>();

  constructor(state: StoredState, nowMs: number) {
    this.#state = state;
    this.#nowMs = nowMs;
  }

  outcome({ operation, epoch }: FencedWrite): WriteOutcome | RefusedOutcome {
    try {
      const shard = this.#shard(operation.shard);
      const refusal = fenceRefusal(shard.header, shard.number, epoch);
      if (refusal !== null) return refusal;
      return this.#write(shard, this.#key(shard, operation.key), operation);
    } catch (error) {
      return damageRefusal(error);
    }
  }

  plan(): StoragePlan {
    const changes = [...this.#keys.values()].filter((key) => key.isChanged).map((key) => key.change());
    const headers = [...this.#shards.values()].map((shard) => shard.headerChange());
    return { changes, headers, dropped: [] };
  }

  #write(shard: ShardDraft, key: KeyDraft, operation: WriteOperation): WriteOutcome | RefusedOutcome {
    const expiresAtMs =
      operation.kind === "put" ? expiryMoment(operation.expiry, shard.number, shard.header, this.#nowMs) : null;
    if (typeof expiresAtMs === "object" && expiresAtMs !== null) return expiresAtMs;
    const stored = key.entry;
    const isGone = stored !== null && isExpired(stored, judgingMs(shard.header, this.#nowMs));
    const current = isGone ? null : stored;
    const holds = conditionHolds(operation.condition, current);
    if (holds && operation.kind === "put") return this.#put(key, operation, current, expiresAtMs);
    if (holds && current !== null) return this.#remove(key, current);
    // The entry is answered as gone while it is still stored: the raised mark keeps it gone.
    if (isGone) shard.raiseMark(stored.expiresAtMs ?? 0);
    return holds ? { kind: "notFound" } : { kind: "conflict", current };
  }

  #put(
    key: KeyDraft,
    operation: PutOperation,
    current: JsonEntry | null,
    expiresAtMs: number | null,
  ): WriteOutcome | RefusedOutcome {
    const sequence = key.shard.nextSequence();
    if (sequence === null) return versionsUsedUp(key.shard);
    const version = versionOf(sequence);
    const createdAtMs = current === null ? this.#nowMs : current.createdAtMs;
    // When the clock has jumped back, an entry must still not be updated before it was created.
    const updatedAtMs = Math.max(this.#nowMs, createdAtMs ?? 0);
    key.put({ key: operation.key, value: operation.value, version, createdAtMs, updatedAtMs, expiresAtMs });
    return { kind: "written", isNew: current === null, facts: { version, createdAtMs, updatedAtMs, expiresAtMs } };
  }

  #remove(key: KeyDraft, current: JsonEntry): WriteOutcome | RefusedOutcome {
    const sequence = key.shard.nextSequence();
    if (sequence === null) return versionsUsedUp(key.shard);
    key.bury({ kind: "deleted", key: current.key, version: versionOf(sequence), atMs: this.#nowMs });
    return { kind: "deleted", version: current.version };
  }

  #shard(number: ShardNumber): ShardDraft {
    let shard = this.#shards.get(number);
    if (shard === undefined) {
      shard = new ShardDraft(number, this.#state.header(number));
      this.#shards.set(number, shard);
    }
    return shard;
  }

  #key(shard: ShardDraft, text: Key): KeyDraft {
    const id = `${shard.number}/${text}`;
    let key = this.#keys.get(id);
    if (key === undefined) {
      const before = this.#state.find(shard.number, text);
      const mayBeBuried = before === null && shard.before.tombstoneCount > 0;
      const buried = mayBeBuried ? this.#state.findTombstone(shard.number, text) : null;
      key = new KeyDraft(shard, { key: text, before, buried });
      this.#keys.set(id, key);
    }
    return key;
  }
}

function versionsUsedUp({ number, header }: ShardDraft): RefusedOutcome {
  const message = `Shard ${number} has used up the versions of epoch ${header.epoch} and is waiting for a new epoch. Try again.`;
  return { kind: "refused", code: "SHARD_UNAVAILABLE", message };
}
