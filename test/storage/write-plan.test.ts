import { describe, expect, it } from "vitest";
import { LmdbTally } from "../../src/storage/lmdb-tally.js";
import { planWrites } from "../../src/storage/write-plan.js";
import { nowMs, put, remove, shard } from "../conformance/storage-operations.js";

const empty = { find: () => null, sequenceOf: () => 0 };

describe("planWrites", () => {
  it("changes nothing in the engine for what the group itself undoes, but uses up its versions", () => {
    const { changes, sequences } = planWrites(empty, [put("a", "1"), remove("a")], nowMs);
    expect(changes).toEqual([]);
    expect([...sequences]).toEqual([[shard(0), 2]]);
  });

  it("keeps only the last of several writes of one key", () => {
    const { changes } = planWrites(empty, [put("a", "1"), put("a", "2"), put("a", "3")], nowMs);
    expect(changes).toMatchObject([{ key: "a", before: null, after: { value: "3", version: "3" } }]);
  });

  it("crashes rather than use a number that is not exact", () => {
    const state = { ...empty, sequenceOf: () => Number.MAX_SAFE_INTEGER - 1 };
    expect(planWrites(state, [put("a", "1")], nowMs).sequences.get(shard(0))).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => planWrites(state, [put("a", "1"), put("a", "2")], nowMs)).toThrow("used up its sequence numbers");
  });
});

describe("LmdbTally", () => {
  it("crashes rather than count below zero", () => {
    const tally = new LmdbTally({ get: () => undefined, put: () => undefined });
    expect(() => tally.count(shard(0), -1, 1)).toThrow("figures");
  });
});
