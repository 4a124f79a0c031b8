import { describe, expect, it } from "vitest";
import { versionsPerEpoch } from "../../src/core/limits.js";
import type { WriteOperation } from "../../src/core/operation.js";
import { emptyHeader, type ShardHeader } from "../../src/storage/shard-header.js";
import { planWrites, type WritePlan } from "../../src/storage/write-plan.js";
import { nowMs, put, remove } from "../conformance/storage-operations.js";

function planOver(header: Partial<ShardHeader>, ...operations: readonly WriteOperation[]): WritePlan {
  const state = {
    header: () => ({ ...emptyHeader, epoch: 1, ...header }),
    find: () => null,
    findTombstone: () => null,
  };
  return planWrites(
    state,
    operations.map((operation) => ({ operation, epoch: null })),
    nowMs,
  );
}

describe("planWrites", () => {
  it("leaves a tombstone for a key that the group itself put and deleted, and uses up both versions", () => {
    const { changes, headers } = planOver({}, put("a", "1"), remove("a"));
    expect(changes).toMatchObject([{ before: null, after: null, tombstone: { kind: "deleted", version: "2" } }]);
    expect(headers).toMatchObject([{ after: { sequence: 2, keyCount: 0, tombstoneCount: 1 } }]);
  });

  it("keeps only the last of several writes of one key", () => {
    const { changes } = planOver({}, put("a", "1"), put("a", "2"), put("a", "3"));
    expect(changes).toMatchObject([{ key: "a", before: null, after: { entry: { value: "3", version: "3" } } }]);
  });

  it("changes no header for refused operations, and lists the headers that it read", () => {
    const { changes, headers, outcomes } = planOver({ epoch: 0 }, put("a", "1"));
    expect(outcomes).toMatchObject([{ code: "SHARD_NOT_HOSTED" }]);
    expect(changes).toEqual([]);
    expect(headers.map(({ before, after }) => before === after)).toEqual([true]);
  });

  it.each([1, 2, 2 ** 21 - 1])("never gives a version of the epoch above %d", (epoch) => {
    const last = epoch * versionsPerEpoch;
    const live = { ...put("b", "1"), condition: null };
    const { outcomes, headers } = planOver({ epoch, sequence: last - 1 }, put("a", "1"), live, remove("a"));
    const message = `Shard 0 has used up the versions of epoch ${epoch} and is waiting for a new epoch. Try again.`;
    const refusal = { kind: "refused", code: "SHARD_UNAVAILABLE", message };
    expect(outcomes).toMatchObject([{ facts: { version: String(last) } }, refusal, refusal]);
    expect(headers[0]?.after).toMatchObject({ sequence: last, keyCount: 1 });
  });
});
