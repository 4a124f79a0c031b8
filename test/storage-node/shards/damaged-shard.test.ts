/**
 * A storage node over a folder in which the header of one shard is damaged: that shard is refused, all others are
 * served.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { LmdbEngine } from "../../../src/storage/lmdb/lmdb-engine.js";
import { startAgent } from "../../../src/storage-node/membership/agent.js";
import { ShardHost, type ShardHostOptions } from "../../../src/storage-node/shards/shard-host.js";
import { damageHeader } from "../../storage/lmdb/damaged-header.js";
import { FakeClock } from "../../support/fake-clock.js";
import { RecordLog } from "../../support/record-log.js";
import { FakeGateway } from "../membership/fake-gateway.js";
import { assignments, get, put, shardOf } from "../operations.js";
import { codes, kinds } from "../running-host.js";

/** Opens the folder; whatever was opened last is closed after the test. */
async function newFolder() {
  const folder = await mkdtemp(path.join(tmpdir(), "damaged-shard-"));
  const clock = new FakeClock();
  const log = new RecordLog();
  let close = async (): Promise<void> => {};
  const open = async (options: Partial<ShardHostOptions> = {}): Promise<ShardHost> => {
    await close();
    const engine = await LmdbEngine.open(folder);
    const identity = { start: "start1", newId: () => "store1", hasGateway: true, ...options };
    const host = await ShardHost.open({ engine, clock, log, ...identity });
    close = async () => {
      await host.drain();
      await engine.close();
    };
    return host;
  };
  const damage = async (): Promise<void> => {
    await close();
    close = async () => {};
    await damageHeader(folder, shardOf(2));
  };
  onTestFinished(async () => {
    await close();
    await rm(folder, { recursive: true });
  });
  return { clock, log, open, damage };
}

const damageLines = (log: RecordLog) => log.lines.filter(({ level }) => level === "error");

it("registers, applies newer assignments and serves all other shards, and its log says what to do", async () => {
  const { clock, log, open, damage } = await newFolder();
  const before = await open();
  await before.acknowledge(assignments(1, { 1: 1, 2: 1 }));
  const puts = [put("a", "1", { epoch: 1, shard: 1 }), put("a", "1", { epoch: 1 })];
  expect(kinds(await before.execute(puts))).toEqual(["written", "written"]);
  await damage();
  const host = await open({ start: "start2" });
  expect(damageLines(log)).toMatchObject([
    {
      facts: { shards: [2] },
      message: expect.stringMatching(/shardgate node verify.*restore the data folder from a backup/),
    },
  ]);

  let answer = assignments(2, { 1: 2, 2: 2 });
  const gateway = new FakeGateway(() => ({ status: 200, body: JSON.stringify(answer) }));
  await gateway.start();
  const facts = { name: "node1", advertisedUrl: "http://127.0.0.1:4001", incarnation: "start2", isEphemeral: false };
  const agent = startAgent({ ...facts, gatewayUrls: [gateway.url], token: null, host, clock, log });
  onTestFinished(async () => {
    await agent.stop();
    await gateway.stop();
  });
  const until = (condition: () => void): Promise<void> =>
    vi.waitFor(
      async () => {
        await clock.advance(50);
        condition();
      },
      { interval: 2 },
    );
  await until(() => expect(host.isAcknowledged).toBe(true));
  expect(gateway.calls[0]?.body).toMatchObject({ shards: [{ shardId: 1, keyCount: 1 }] });
  const reads = (epoch: number) => host.execute([get("a", epoch, 1), get("a", epoch)]);
  expect(await reads(2)).toMatchObject([{ kind: "found" }, { kind: "refused", code: "ENTRY_DAMAGED" }]);

  answer = assignments(3, { 1: 3, 2: 3, 3: 1 });
  await until(() => expect(host.document.mapVersion).toBe(3));
  expect(codes(await reads(3))).toEqual([null, "ENTRY_DAMAGED"]);
  const writes = [put("b", "1", { epoch: 1, shard: 3 }), put("b", "1", { epoch: 3 })];
  expect(codes(await host.execute(writes))).toEqual([null, "ENTRY_DAMAGED"]);
  expect(host.hostedCount).toBe(2);
});

it("refuses another cluster even when no other shard is left", async () => {
  const { open, damage } = await newFolder();
  await (await open()).acknowledge(assignments(1, { 2: 1 }));
  await damage();
  const host = await open({ start: "start2" });
  const foreign = { ...assignments(2, { 1: 1 }), clusterId: "c2" };
  await expect(host.acknowledge(foreign)).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
});

it("serves all other shards without a gateway, and does not claim the damaged one", async () => {
  const { log, open, damage } = await newFolder();
  expect(kinds(await (await open({ hasGateway: false })).execute([put("a", "1")]))).toEqual(["written"]);
  await damage();
  const host = await open({ hasGateway: false });
  const changes = vi.spyOn(LmdbEngine.prototype, "changeState");
  onTestFinished(() => changes.mockRestore());
  expect(codes(await host.execute([put("a", "1", { shard: 1 }), put("a", "1"), get("a")]))).toEqual([
    null,
    "ENTRY_DAMAGED",
    "ENTRY_DAMAGED",
  ]);
  expect(codes(await host.execute([put("b", "1")]))).toEqual(["ENTRY_DAMAGED"]);
  // Only shard 1 was claimed: a claim of the damaged one would be attempted with every write.
  expect(changes).toHaveBeenCalledTimes(1);
  expect(damageLines(log)).toHaveLength(1);
});

it("logs a damaged shard in the first process only, when several serve the storage node", async () => {
  const { log, open, damage } = await newFolder();
  await (await open()).acknowledge(assignments(1, { 2: 1 }));
  await damage();
  await open({ isShared: true, isFirst: false });
  expect(damageLines(log)).toEqual([]);
});
