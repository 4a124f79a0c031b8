import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { LmdbEngine } from "../../../../src/storage/lmdb/lmdb-engine.js";
import { openForUpgrade } from "../../../../src/storage/lmdb/records/open-databases.js";
import { upgradeDatabases } from "../../../../src/storage/lmdb/records/upgrade.js";
import { verifyLmdbFolder } from "../../../../src/storage/lmdb/check/verify.js";
import { claim, put, shard, write } from "../../../conformance/storage-operations.js";
import { expectUpgraded, madeMs, oldFolder, type Expected } from "../old-folder.js";

const oldDocument = JSON.stringify({
  clusterId: "c",
  shardCount: 4,
  mapVersion: 9,
  shards: [
    { shardId: 1, epoch: 5, isHosted: false },
    { shardId: 2, epoch: 7, isHosted: true },
  ],
});
function figuresOf(sequence: number): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeDoubleBE(sequence, 0);
  return bytes;
}

describe("a folder of version 0.1.0", () => {
  let folder: string;
  let expected: Expected;
  beforeEach(async () => {
    ({ folder, expected } = await oldFolder());
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("opens with every entry, version, time, claim and figure, and reopens", async () => {
    await expectUpgraded(folder, expected);
    await expectUpgraded(folder, expected);
  });

  it("continues its sequences, and reports a gap to readers that may have missed earlier deletes", async () => {
    const engine = await LmdbEngine.open(folder);
    onTestFinished(() => engine.close());
    for (const number of [0, 1, 2, 3]) {
      const { sequence } = (await engine.stats(madeMs)).get(shard(number)) ?? { sequence: 0 };
      const versions = expected.entries.filter((entry) => entry.shard === number).map(({ version }) => Number(version));
      expect(sequence).toBeGreaterThanOrEqual(Math.max(...versions));
      const request = { shard: shard(number), epoch: 1, limit: 1000, bytesMax: 1e6 };
      const early = { lineage: 0, after: sequence - 1, since: sequence - 1 };
      expect(await engine.changes({ ...request, cursor: early })).toEqual({ kind: "gap" });
      const all = await engine.changes({ ...request, cursor: null });
      expect(all.kind === "changes" && all.changes).toHaveLength(versions.length);
      const [outcome] = await write(engine, [put("new", "1", { shard: shard(number) })], madeMs);
      expect(outcome).toMatchObject({ facts: { version: String(sequence + 1) } });
    }
  });

  it("is upgraded in steps, and the next start performs the rest", async () => {
    for (const steps of [0, 1, 2, 9]) {
      const databases = openForUpgrade(folder);
      let count = 0;
      await upgradeDatabases(databases, 3, () => count++ >= steps);
      await databases.root.close();
    }
    await expect(verifyLmdbFolder(folder)).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringContaining("start its storage node once"),
    });
    await expectUpgraded(folder, expected);
  });

  it("keeps releases, shards that were never written, and data without a cluster", async () => {
    const empty = await mkdtemp(path.join(tmpdir(), "upgrade-"));
    onTestFinished(() => rm(empty, { recursive: true, force: true }));
    for (const text of [null, oldDocument]) {
      const databases = openForUpgrade(empty);
      await databases.documents.put(Buffer.from("format"), Buffer.from("1"));
      if (text !== null) await databases.documents.put(Buffer.from("document"), Buffer.from(text));
      await databases.oldFigures.put(Buffer.from([0, 1]), figuresOf(70));
      await databases.root.close();
      const engine = await LmdbEngine.open(empty);
      const { claims, document } = await engine.state();
      const claimed = [...claims.values()].map(({ shard, epoch, releasedEpoch }) => [shard, epoch, releasedEpoch]);
      const none = [[1, 0, 0]];
      const claimedBefore = [
        [1, 5, 5],
        [2, 7, 0],
      ];
      expect(claimed).toEqual(text === null ? none : claimedBefore);
      expect(document).toEqual(text === null ? null : JSON.stringify({ clusterId: "c", shardCount: 4, mapVersion: 9 }));
      expect((await engine.stats(madeMs)).get(shard(1))?.sequence).toBe(70);
      // A shard that is claimed again begins the versions of the new epoch; until then it kept a sequence below them.
      await engine.changeState(() => ({ claims: [claim(8, { shard: shard(1) })] }));
      const [outcome] = await write(engine, [put("a", "1", { shard: shard(1) })], madeMs);
      expect(outcome).toMatchObject({ facts: { version: String(7 * 2 ** 32 + 1) } });
      await engine.close();
      await rm(path.join(empty, "data.mdb"));
      await rm(path.join(empty, "data.mdb-lock"), { force: true });
    }
  });

  it("stays unchanged when the record of its shards cannot be read", async () => {
    const databases = openForUpgrade(folder);
    await databases.documents.put(Buffer.from("document"), Buffer.from("{"));
    await databases.root.close();
    const refusal = { code: "STORAGE_FAILED", message: expect.stringContaining("were not upgraded") };
    await expect(LmdbEngine.open(folder)).rejects.toMatchObject(refusal);
    await expect(LmdbEngine.open(folder)).rejects.toMatchObject(refusal);
  });
});
