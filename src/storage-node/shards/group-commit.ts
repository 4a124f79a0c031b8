/**
 * The writes of a storage node on their way to the engine. Each lane of the engine commits one group after the other, so
 * that many small writes share one durable commit, and a lane that hangs holds up no other. Bounds what waits in all of
 * them.
 */
import assert from "node:assert/strict";
import { utf8Bytes } from "../../core/key.js";
import type { Outcome } from "../../core/operation.js";
import type { FencedWrite, StorageEngine } from "../../storage/engine.js";
import type { OperationCaller } from "../operation-caller.js";
import { CommitLane, unanswered, type CommitLaneOptions, type LaneWrites, type Load } from "./commit-lane.js";
import { refused } from "./engine-failure.js";

/** Most writes that wait at a storage node; more are refused with OVERLOADED. */
export const groupCommitQueueMax = 100_000;

/** Approximate bytes of values that may wait at a storage node; more are refused with OVERLOADED. Bounds its memory. */
const groupCommitQueueBytesMax = 256 * 1024 * 1024;

export interface GroupCommitOptions extends CommitLaneOptions {
  readonly engine: Pick<StorageEngine, "name" | "lanes" | "write">;
}

export class GroupCommit {
  readonly #lanes: readonly CommitLane[];
  #queued: Load = { operations: 0, bytes: 0 };

  constructor(options: GroupCommitOptions) {
    const leave = ({ operations, bytes }: Load): void => this.#count(-operations, -bytes);
    this.#lanes = Array.from({ length: options.engine.lanes }, () => new CommitLane(options, leave));
  }

  /** Number of writes that wait for their commit. */
  get queued(): number {
    return this.#queued.operations;
  }

  /**
   * Resolves to one outcome per write, in order, once they are durable. Those of one lane stay together and in order. Never
   * rejects.
   */
  submit(writes: readonly FencedWrite[], caller: OperationCaller = {}): Promise<readonly Outcome[]> {
    const parts = this.#partsOf(writes);
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    const { operations: operationsWaiting, bytes: bytesWaiting } = this.#queued;
    const isTooMany = operationsWaiting + writes.length > groupCommitQueueMax;
    if (isTooMany || bytesWaiting + bytes > groupCommitQueueBytesMax) {
      return Promise.resolve(writes.map(() => overloaded));
    }
    this.#count(writes.length, bytes);
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only.lane.submit(only, caller);
    return joined(parts, writes.length, caller);
  }

  /** Refuses all waiting writes; running commits continue. */
  discard(): void {
    for (const lane of this.#lanes) lane.discard();
  }

  /** Resolves when no write waits and no commit is running. */
  async idle(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.idle()));
  }

  #count(operations: number, bytes: number): void {
    this.#queued = { operations: this.#queued.operations + operations, bytes: this.#queued.bytes + bytes };
  }

  /** The writes of each lane, in order. */
  #partsOf(writes: readonly FencedWrite[]): readonly Part[] {
    const parts = new Map<number, Part>();
    for (const [position, write] of writes.entries()) {
      const number = write.operation.shard % this.#lanes.length;
      const lane = this.#lanes[number];
      assert(lane !== undefined);
      let part = parts.get(number);
      if (part === undefined) parts.set(number, (part = { lane, writes: [], positions: [], bytes: 0 }));
      part.writes.push(write);
      part.positions.push(position);
      if (write.operation.kind === "put") part.bytes += utf8Bytes(write.operation.value);
    }
    return [...parts.values()];
  }
}

/** The part of a submission that one lane commits. */
interface Part extends LaneWrites {
  readonly lane: CommitLane;
  readonly writes: FencedWrite[];
  /** The position of each write in the submission. */
  readonly positions: number[];
  bytes: number;
}

/** The outcomes of all parts, by position. */
async function joined(parts: readonly Part[], count: number, caller: OperationCaller): Promise<readonly Outcome[]> {
  const outcomes = Array.from<Outcome>({ length: count }).fill(unanswered);
  await Promise.all(
    parts.map(async (part) => {
      const own = await part.lane.submit(part, caller);
      for (const [index, position] of part.positions.entries()) outcomes[position] = own[index] ?? unanswered;
    }),
  );
  return outcomes;
}

const overloaded = refused("OVERLOADED", "Too many writes are already waiting at this storage node.");
