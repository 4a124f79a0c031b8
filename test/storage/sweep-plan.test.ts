import { describe, expect, it } from "vitest";
import { tombstoneAgeMsMax, versionsPerEpoch } from "../../src/core/limits.js";
import type { JsonText } from "../../src/core/text/json-text.js";
import { parseKey } from "../../src/core/key.js";
import { versionOf } from "../../src/core/version.js";
import { emptyHeader, type ShardHeader } from "../../src/storage/shard-header.js";
import { encodeEntry } from "../../src/storage/stored-entry.js";
import { planSweep, type SweepLimits, type SweepPlan } from "../../src/storage/sweep-plan.js";
import { nowMs, shard } from "../conformance/storage-operations.js";

/** A plan over one shard with three expired entries and four tombstones, of which the first is too old. */
function planOver(header: Partial<ShardHeader>, limits: Partial<SweepLimits> = {}): SweepPlan {
  const facts = { createdAtMs: 1, updatedAtMs: 1, expiresAtMs: nowMs - 5 };
  const entries = ["a", "b", "c"].map((key, index) =>
    encodeEntry(shard(0), { key: parseKey(key), value: "1" as JsonText, version: versionOf(index + 10), ...facts }),
  );
  const tombstones = [1, 2, 3, 4].map((number) => ({
    kind: "deleted" as const,
    key: parseKey(`t${number}`),
    version: versionOf(number),
    atMs: number === 1 ? nowMs - tombstoneAgeMsMax : nowMs,
  }));
  const counts = { keyCount: 3, sizeBytes: 6, expiringCount: 3, tombstoneCount: 4 };
  const source = {
    headers: () => [[shard(0), { ...emptyHeader, epoch: 1, sequence: 20, ...counts, ...header }] as const],
    expired: (_: unknown, __: unknown, limit: number) => ({ entries: entries.slice(0, limit), isAll: limit >= 3 }),
    oldestTombstones: (_: unknown, limit: number) => tombstones.slice(0, limit),
  };
  return planSweep(source, nowMs, { entriesMax: 10, tombstonesMax: 100, ...limits });
}

describe("planSweep", () => {
  it("expires entries with versions of their own, and drops tombstones that are too old", () => {
    const { expired, tombstonesDropped, headers, changes } = planOver({});
    expect([expired, tombstonesDropped]).toEqual([3, 1]);
    expect(changes.map(({ tombstone }) => tombstone?.version)).toEqual(["21", "22", "23"]);
    expect(headers[0]?.after).toMatchObject({ sequence: 23, keyCount: 0, sizeBytes: 0, tombstoneCount: 6, horizon: 1 });
  });

  it("drops the oldest tombstones when a shard has too many", () => {
    const { dropped, headers } = planOver({}, { tombstonesMax: 4 });
    expect(dropped.map(({ tombstone }) => tombstone.key)).toEqual(["t1", "t2", "t3"]);
    expect(headers[0]?.after).toMatchObject({ tombstoneCount: 4, horizon: 3 });
  });

  it("never lowers the horizon", () => {
    expect(planOver({ horizon: 15 }).headers[0]?.after).toMatchObject({ horizon: 15 });
  });

  it("expires no entry once the epoch has no versions left, and keeps the mark until all are expired", () => {
    const { expired, headers } = planOver({ sequence: versionsPerEpoch - 1, expiryMarkMs: nowMs + 5 });
    expect(expired).toBe(1);
    expect(headers[0]?.after).toMatchObject({ sequence: versionsPerEpoch, expiryMarkMs: nowMs + 5 });
  });

  it("keeps the mark when the sweep ends early, and lowers it when all expired entries are removed", () => {
    const ahead = { expiryMarkMs: nowMs + 5 };
    expect(planOver(ahead, { entriesMax: 2 }).headers[0]?.after).toMatchObject(ahead);
    expect(planOver(ahead).headers[0]?.after).toMatchObject({ expiryMarkMs: 0 });
    expect(planOver({ ...ahead, expiringCount: 0, tombstoneCount: 0 }).headers[0]?.after.expiryMarkMs).toBe(0);
    expect(planOver({ expiryMarkMs: nowMs - 5 }).headers[0]?.after).toMatchObject({ expiryMarkMs: nowMs - 5 });
  });

  it.each([{ epoch: 0 }, { releasedEpoch: 1 }, { sealedFor: "move-1" }])("skips a shard that is %o", (header) => {
    expect(planOver(header)).toMatchObject({ changes: [], dropped: [], headers: [] });
  });
});
