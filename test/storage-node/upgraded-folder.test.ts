/** A storage node over a folder of version 0.1.0: it gets an identity, and loses none of its data. */
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { LmdbEngine } from "../../src/storage/lmdb/lmdb-engine.js";
import { ShardHost } from "../../src/storage-node/shards/shard-host.js";
import { FakeClock } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { get } from "./operations.js";
import { codes, kinds } from "./running-host.js";
import expected from "../storage/fixtures/lmdb-0.1.0/expected.json" with { type: "json" };

const fixture = path.resolve(import.meta.dirname, "../storage/fixtures/lmdb-0.1.0/data.mdb");
const { clusterId, shardCount, mapVersion } = expected.document;
const [{ shard, key, value, version } = unexpected()] = expected.entries;

async function openUpgraded(hasGateway: boolean) {
  const folder = await mkdtemp(path.join(tmpdir(), "shardgate-upgraded-"));
  await copyFile(fixture, path.join(folder, "data.mdb"));
  const engine = await LmdbEngine.open(folder);
  const log = new RecordLog();
  const identity = { start: "start1", newId: () => "store1", hasGateway };
  const host = await ShardHost.open({ engine, clock: new FakeClock(), log, ...identity });
  onTestFinished(async () => {
    await host.drain();
    await engine.close();
    await rm(folder, { recursive: true });
  });
  return { host, log };
}

it("keeps its cluster and its claims, draws an identity, and waits for its gateway to acknowledge it", async () => {
  const { host } = await openUpgraded(true);
  const starts = [{ id: "start1", atMs: expect.any(Number) }];
  const identity = { storeId: "store1", starts, acknowledgedStart: null };
  expect(host.document).toEqual({ clusterId, shardCount, mapVersion, ...identity });
  const claims = expected.document.shards.map(({ shardId, epoch }) => ({
    shardId,
    epoch,
    releasedEpoch: 0,
    lineage: 0,
  }));
  expect(await host.hostedShards()).toMatchObject(claims);
  expect(await host.hostedShards()).toMatchObject(expected.shards.map(({ keyCount }) => ({ keyCount })));
  expect(codes(await host.execute([get("a", 1)]))).toEqual(["SHARD_UNAVAILABLE"]);
  const shards = expected.document.shards.map(({ shardId, epoch }) => ({ shardId, epoch: epoch + 1 }));
  await host.acknowledge({ clusterId, shardCount, mapVersion: mapVersion + 1, shards });
  expect(await host.execute([get(key, 2, shard), get("no such key", 2)])).toMatchObject([
    { kind: "found", entry: { value, version } },
    { kind: "notFound" },
  ]);
});

it("serves its shards when it is started without a gateway", async () => {
  const { host, log } = await openUpgraded(false);
  expect(log.lines).toMatchObject([{ level: "warn", facts: { clusterId } }]);
  expect(kinds(await host.execute([get(key, null, shard), get("no such key")]))).toEqual(["found", "notFound"]);
});

function unexpected(): never {
  throw new Error("The fixture has no entries.");
}
