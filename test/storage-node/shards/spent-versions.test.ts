import { describe, expect, it } from "vitest";
import { versionsPerEpoch } from "../../../src/core/limits.js";
import { versionOf } from "../../../src/core/version.js";
import { SpentVersions, versionsBeforeNewEpoch } from "../../../src/storage-node/shards/spent-versions.js";
import { shardOf } from "../operations.js";

function written(sequence: number) {
  const facts = { version: versionOf(sequence), createdAtMs: 0, updatedAtMs: 0, expiresAtMs: null };
  return { kind: "written", isNew: true, facts } as const;
}

describe("SpentVersions", () => {
  it.each([1, 2, 7])("asks for a new epoch when half of the versions of epoch %i are used", (epoch) => {
    const spent = new SpentVersions();
    const floor = (epoch - 1) * versionsPerEpoch;
    spent.note(shardOf(2), written(floor + 1));
    spent.note(shardOf(2), written(floor + versionsBeforeNewEpoch));
    expect(spent.exhausted([], () => epoch)).toEqual([]);
    spent.note(shardOf(2), written(floor + versionsBeforeNewEpoch + 1));
    spent.note(shardOf(3), written(floor + versionsPerEpoch));
    expect(spent.exhausted([], () => epoch)).toEqual([
      { shardId: 2, epoch },
      { shardId: 3, epoch },
    ]);
  });

  it("drops a shard that has a new epoch or another owner", () => {
    const spent = new SpentVersions();
    spent.note(shardOf(2), written(versionsPerEpoch));
    spent.note(shardOf(3), written(versionsPerEpoch));
    expect(spent.exhausted([], (shard) => (shard === 2 ? 2 : null))).toEqual([]);
    expect(spent.exhausted([], () => 1)).toEqual([]);
  });

  it("adds claims that need a new epoch for another reason, each shard once", () => {
    const spent = new SpentVersions();
    spent.note(shardOf(2), written(versionsPerEpoch));
    spent.note(shardOf(3), written(versionsPerEpoch));
    const claim = { epoch: 1, releasedEpoch: 0, lineage: 0, sealedFor: null };
    const outdated = [2, 4].map((number) => ({ shard: shardOf(number), ...claim }));
    expect(spent.exhausted(outdated, () => 1)).toEqual([
      { shardId: 2, epoch: 1 },
      { shardId: 3, epoch: 1 },
      { shardId: 4, epoch: 1 },
    ]);
  });

  it("counts only versions that were actually given", () => {
    const spent = new SpentVersions();
    spent.note(shardOf(2), { kind: "notFound" });
    spent.note(shardOf(2), { kind: "refused", code: "STALE_EPOCH", message: "Old." });
    expect(spent.exhausted([], () => 1)).toEqual([]);
  });
});
