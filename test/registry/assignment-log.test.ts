import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assignmentHistoryMax } from "../../src/core/limits.js";
import { parseShard } from "../../src/core/shard.js";
import {
  AssignmentHistory,
  changesInRecord,
  compactedLog,
  recordOfChanges,
  assignmentLogChangesMax,
} from "../../src/registry/assignment-log.js";
import type { AssignmentCause, AssignmentChange } from "../../src/registry/cluster-map.js";

function change(shard: number, epoch: number, node: string | null = "a"): AssignmentChange {
  return { shard: parseShard(shard), epoch, node, atMs: 1000 + epoch, cause: "operator" };
}

function records(changes: readonly AssignmentChange[]): readonly string[] {
  return changes.map((item) => recordOfChanges([item]) ?? "");
}

describe("a record of the log", () => {
  it("gives back the changes it was made of, in the order of their epochs", () => {
    const arbitrary = fc.record<AssignmentChange>({
      shard: fc.nat(50).map((number) => parseShard(number)),
      epoch: fc.integer({ min: 1, max: 99 }),
      node: fc.option(fc.constantFrom("a", "b", "null")),
      atMs: fc.integer({ min: -5, max: 5 }),
      cause: fc.constantFrom<AssignmentCause>("operator", "automatic", "registration"),
    });
    fc.assert(
      fc.property(fc.uniqueArray(arbitrary, { selector: ({ epoch }) => epoch, minLength: 1 }), (changes) => {
        const record = recordOfChanges(changes) ?? "";
        expect(record).not.toContain("\n");
        expect(changesInRecord(record)).toEqual(changes.toSorted((a, b) => a.epoch - b.epoch));
      }),
    );
  });

  it("is nothing when nothing changed", () => {
    expect(recordOfChanges([])).toBeNull();
  });

  it.each(["", "{", "7", "[7]", '[[1,"operator","a",[-1],[1]]]'])("is passed over when it is %j", (record) => {
    expect(changesInRecord(record)).toEqual([]);
  });
});

describe("compactedLog", () => {
  it("keeps the newest changes of each shard, and records where they were", () => {
    const epochs = Array.from({ length: assignmentHistoryMax + 3 }, (_, index) => index + 1);
    const log = [recordOfChanges([change(1, 1), change(2, 1)]) ?? "", ...records(epochs.slice(1).map((epoch) => change(1, epoch)))]; // prettier-ignore
    const compacted = compactedLog(log);
    expect(compacted).toHaveLength(log.length);
    expect(changesInRecord(compacted[0] ?? "")).toEqual([change(2, 1)]);
    expect(compacted.slice(1, 3)).toEqual([null, null]);
    expect(compacted.slice(3)).toEqual(log.slice(3));
  });

  it("keeps no more changes than its bound in all, the newest", () => {
    const shards = Array.from({ length: 8192 }, (_, shard) => shard);
    const log = Array.from({ length: 10 }, (_, round) =>
      recordOfChanges(shards.map((shard) => change(shard, round + 1))),
    );
    const kept = compactedLog(log.map((record) => record ?? ""));
    expect(kept.slice(0, 2)).toEqual([null, null]);
    expect(kept.flatMap((record) => changesInRecord(record ?? ""))).toHaveLength(assignmentLogChangesMax);
  });
});

describe("AssignmentHistory", () => {
  it("has the newest changes of each shard, the newest first", () => {
    const history = new AssignmentHistory(64);
    const epochs = Array.from({ length: assignmentHistoryMax + 3 }, (_, index) => index + 1);
    for (const epoch of epochs) history.add([change(5, epoch)]);
    expect(history.of(5).map(({ epoch }) => epoch)).toEqual(epochs.toReversed().slice(0, assignmentHistoryMax));
    expect(history.of(6)).toEqual([]);
  });

  it("begins anew with the records of a log", () => {
    const history = new AssignmentHistory(64);
    history.add([change(5, 1)]);
    history.reset(records([change(6, 1, "b"), change(6, 2, null)]));
    expect(history.of(5)).toEqual([]);
    expect(history.of(6)).toEqual([change(6, 2, null), change(6, 1, "b")]);
  });

  it("keeps fewer changes of each of very many shards", () => {
    const history = new AssignmentHistory(16_384);
    for (let epoch = 1; epoch <= 9; epoch++) history.add([change(5, epoch)]);
    expect(history.of(5).map(({ epoch }) => epoch)).toEqual([9, 8, 7, 6]);
  });
});
