import { EventEmitter, once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { registryAttemptsMax, urlCharactersMax } from "../../src/core/limits.js";
import { clusterMapToText } from "../../src/registry/text/cluster-map-text.js";
import { EvidenceOutdated, shardsOfNode } from "../../src/registry/commands.js";
import { decodeFile } from "../../src/registry/stores/file/file-document.js";
import { FileStore } from "../../src/registry/stores/file/file-store.js";
import { MemoryStore } from "../../src/registry/stores/memory-store.js";
import { Registry, registryBatchMax, registryQueueMax } from "../../src/registry/registry.js";
import type { RegistryStore } from "../../src/registry/registry-store.js";
import { putBackDocument } from "../../src/registry/stored-cluster-map.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { watchFile } from "../support/watch-file.js";
import { assigned, byHand, claim, largestMap, mapWith, started } from "./map-samples.js";
import { registryGrowthBytesMax } from "../../src/registry/command-batch.js";

const opened: Registry[] = [];
let leaders = 0;

afterEach(async () => {
  for (const registry of opened.splice(0)) await registry.close();
});

interface Wanted {
  readonly shardCount?: number | null;
  readonly clusterName?: string | null;
  readonly log?: RecordLog;
}

/** That leads, unless another one is faster. */
async function openRegistry(store: RegistryStore, wanted: Wanted = {}) {
  const registry = await openFollower(store, wanted);
  await registry.takeLead();
  return registry;
}

async function openFollower(store: RegistryStore, { shardCount = null, clusterName = null, log }: Wanted = {}) {
  const registry = await Registry.open({
    store,
    clock: new FakeClock(),
    log: log ?? new RecordLog(),
    wanted: { shardCount, clusterName },
    newClusterId: () => "new-id",
    newLeaderId: () => `leader-${++leaders}`,
  });
  opened.push(registry);
  return registry;
}

const register = byHand;
const assign = assigned;

describe("Registry.open", () => {
  it("creates a cluster of 64 shards when the store is empty and nothing else is wanted, and leads it", async () => {
    const store = new MemoryStore();
    const { map } = await openRegistry(store);
    expect(map).toMatchObject({ version: 2, shardCount: 64, clusterId: "new-id", clusterName: "shardgate" });
    expect(map.leader?.id).toBe(`leader-${leaders}`);
    expect(await store.load()).toEqual({ version: 2, text: clusterMapToText(map), beat: 0 });
  });

  it("creates the cluster that is wanted, and takes it as it is from then on, under a new leader", async () => {
    const store = new MemoryStore();
    const first = await openRegistry(store, { shardCount: 4, clusterName: "orders" });
    let map = await first.execute(register("a"));
    for (const wanted of [{}, { shardCount: 4 }, { clusterName: "orders" }]) {
      const next = (await openRegistry(store, wanted)).map;
      const version = map.version + 1;
      const leader = { id: `leader-${leaders}`, name: null, url: null, sinceVersion: version };
      expect(next).toEqual({ ...map, version, leader });
      map = next;
    }
  });

  it("takes the lead also from a leader that beats, when nothing else changed", async () => {
    const store = new MemoryStore();
    await openRegistry(store);
    await store.beat(2);
    expect((await openRegistry(store)).map.leader?.id).toBe(`leader-${leaders}`);
  });

  it("refuses another number of shards, another name and another hash than those stored", async () => {
    const store = new MemoryStore();
    await openRegistry(store, { shardCount: 4, clusterName: "orders" });
    await expect(openRegistry(store, { shardCount: 8 })).rejects.toMatchObject({
      code: "SHARD_COUNT_MISMATCH",
      message: "The cluster has 4 shards; 8 were requested.",
    });
    await expect(openRegistry(store, { clusterName: "users" })).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
    const text = clusterMapToText({ ...mapWith([]), version: 3, hash: "md5" });
    expect(await store.compareAndSet(await store.load(), { version: 3, text }, null)).toBe(true);
    await expect(openRegistry(store)).rejects.toMatchObject({
      code: "SHARD_COUNT_MISMATCH",
      message: expect.stringContaining('"md5"'),
    });
  });

  it("refuses to create what is not allowed, and stores nothing", async () => {
    const store = new MemoryStore();
    await expect(openRegistry(store, { shardCount: 0 })).rejects.toMatchObject({ code: "BAD_REQUEST" });
    await expect(openRegistry(store, { clusterName: "a b" })).rejects.toMatchObject({ code: "BAD_REQUEST" });
    expect(await store.load()).toBeNull();
  });

  it("agrees on one cluster with other processes that create it in the same moment; one of them leads", async () => {
    const store = new MemoryStore();
    const registries = await Promise.all([openRegistry(store), openRegistry(store), openRegistry(store)]);
    const maps = await Promise.all(registries.map((registry) => registry.refresh()));
    for (const map of maps) expect(map).toEqual(maps[0]);
    expect(maps[0]?.version).toBe(2);
    expect(registries.filter(({ isLeading }) => isLeading)).toHaveLength(1);
  });

  it("gives up on a store that refuses to be written", async () => {
    const store = new MemoryStore();
    for (let attempt = 0; attempt < registryAttemptsMax; attempt++) store.injectFault("raceIsLost");
    await expect(openRegistry(store)).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
  });

  it("passes on the store's failure, and refuses a document whose version is not its map's", async () => {
    const store = new MemoryStore();
    store.injectFault("loadFails");
    await expect(openRegistry(store)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await store.compareAndSet(null, { version: 9, text: clusterMapToText(mapWith([])) }, null);
    await expect(openRegistry(store)).rejects.toMatchObject({
      code: "REGISTRY_CORRUPT",
      message: expect.stringContaining("version 9, but its cluster map has version 1"),
    });
  });

  it("takes up a document of 0.1.0, whose history goes into the log", async () => {
    const fixture = path.resolve(import.meta.dirname, "fixtures/registry-0.1.0.json");
    const store = new MemoryStore();
    await store.compareAndSet(null, decodeFile(await readFile(fixture), fixture), null);
    const registry = await openRegistry(store);
    const change = { shard: 2, epoch: 1, node: "a", atMs: 1_795_974_453_838, cause: "automatic" };
    expect(registry.history(2)).toEqual([change]);
    expect((await store.load())?.text).toMatch(/^\{"format":2,"version":4,/);
    expect((await openRegistry(store)).history(2)).toEqual([change]);
  });
});

describe("Registry.execute", () => {
  it("stores the change before it resolves to the new map", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    const map = await registry.execute(register("a"));
    expect(map.version).toBe(3);
    expect(registry.map).toBe(map);
    expect(await store.load()).toEqual({ version: 3, text: clusterMapToText(map), beat: 0 });
  });

  it("writes nothing when nothing changes", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    const map = await registry.execute(register("a"));
    store.injectFault("writeFails");
    expect(await registry.execute(register("a"))).toBe(map);
  });

  it("passes on refusals, and goes on", async () => {
    const registry = await openRegistry(new MemoryStore());
    await expect(registry.execute(assign(1, "ghost"))).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
    await expect(registry.execute(assign(64, "ghost"))).rejects.toMatchObject({ code: "SHARD_NOT_FOUND" });
    expect((await registry.execute(register("a"))).version).toBe(3);
  });

  it("carries out commands that wait one after another, each exactly once, in one write", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    await registry.execute(register("a"));
    const write = vi.spyOn(store, "compareAndSet");
    const maps = await Promise.all(Array.from({ length: 64 }, (_, shard) => registry.execute(assign(shard, "a"))));
    expect(write).toHaveBeenCalledOnce();
    expect(new Set(maps)).toEqual(new Set([registry.map]));
    expect(registry.map.version).toBe(67);
    expect(shardsOfNode(registry.map, "a")).toHaveLength(64);
    expect(await store.log()).toHaveLength(1);
    expect(registry.history(63)).toMatchObject([{ shard: 63, epoch: 1, node: "a" }]);
  });

  it("takes up what came during a write with the next one", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    const write = vi.spyOn(store, "compareAndSet");
    const first = registry.execute(register("a"));
    await vi.waitFor(() => expect(write).toHaveBeenCalledOnce());
    await Promise.all([first, registry.execute(register("b")), registry.execute(register("c"))]);
    expect(write).toHaveBeenCalledTimes(2);
  });

  it("lets no more commands share a write than its bound", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    const write = vi.spyOn(store, "compareAndSet");
    const names = Array.from({ length: registryBatchMax + 1 }, (_, index) => `n${index}`);
    await Promise.all(names.map((name) => registry.execute(register(name))));
    expect(write).toHaveBeenCalledTimes(2);
    expect(registry.map.nodes.size).toBe(names.length);
  });

  it("refuses one of the commands that share a write alone, and by what those before it changed", async () => {
    const registry = await openRegistry(new MemoryStore());
    const stranger = registry.execute(assign(1, "ghost"));
    const [registered, assigning, second] = [register("a"), assign(1, "a"), assign(1, "b")].map((command) => registry.execute(command)); // prettier-ignore
    await expect(stranger).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
    await expect(second).rejects.toMatchObject({ code: "NODE_NOT_FOUND" });
    expect(await registered).toBe(await assigning);
    await registry.execute(register("b"));
    await expect(registry.execute(assign(1, "b"))).rejects.toThrow(EvidenceOutdated);
  });

  it("refuses every command once another gateway leads", async () => {
    const store = new MemoryStore();
    const [one, other] = [await openRegistry(store), await openRegistry(store)];
    await one.refresh();
    await expect(one.execute(register("a"))).rejects.toMatchObject({
      code: "REGISTRY_CONFLICT",
      message: expect.stringContaining("Another gateway has led"),
    });
    expect((await other.execute(register("a"))).nodes.has("a")).toBe(true);
  });

  it("finds out at its first write that another gateway leads, and changes nothing", async () => {
    const store = new MemoryStore();
    const blind = await openRegistry(withoutWatch(store));
    const other = await openRegistry(store);
    await expect(blind.execute(register("a"))).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
    expect((await other.refresh()).nodes.size).toBe(0);
    const deposed = await openRegistry(withoutWatch(store));
    await openRegistry(store);
    // Refused by a map that is not the newest: the newest names another leader.
    await expect(deposed.execute(assign(1, "ghost"))).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
  });

  it("repeats the command when only the beat was raised", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    await store.beat(2);
    expect((await registry.execute(register("a"))).nodes.has("a")).toBe(true);
    expect(await store.load()).toMatchObject({ version: 3, beat: 1 });
  });

  it("gives up when it is beaten every time, and says so", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    for (let attempt = 0; attempt < registryAttemptsMax; attempt++) store.injectFault("raceIsLost");
    await expect(registry.execute(register("a"))).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
    expect((await registry.execute(register("a"))).version).toBe(3);
  });

  it("wins after it was beaten once less than that", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    for (let attempt = 1; attempt < registryAttemptsMax; attempt++) store.injectFault("raceIsLost");
    expect((await registry.execute(register("a"))).version).toBe(3);
  });

  it("keeps its map and history when the store fails, and works again with it", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    await registry.execute(register("a"));
    store.injectFault("writeFails");
    const failed = [assign(1, "a"), assign(2, "ghost")].map((command) => registry.execute(command));
    for (const call of failed) await expect(call).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect((await registry.refresh()).version).toBe(3);
    expect(registry.history(1)).toEqual([]);
    expect((await registry.execute(assign(2, "a"))).shards[1]?.primary).toBeNull();
  });

  it("shows a write that was not confirmed after the next refresh, with its history, and does not repeat it", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(withoutWatch(store));
    await registry.execute(register("a"));
    store.injectFault("writeIsNotConfirmed");
    await expect(registry.execute(assign(1, "a"))).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(registry.map.shards[1]?.primary).toBeNull();
    expect((await registry.refresh()).shards[1]?.primary).toBe("a");
    expect(registry.history(1)).toMatchObject([{ epoch: 1, node: "a" }]);
    expect((await registry.execute(assign(1, "a"))).version).toBe(4);
  });

  it("builds the next change on a write that was not confirmed", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(withoutWatch(store));
    store.injectFault("writeIsNotConfirmed");
    await expect(registry.execute(register("a"))).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    const map = await registry.execute(register("b"));
    expect(map.version).toBe(4);
    expect([...map.nodes.keys()]).toEqual(["a", "b"]);
  });

  it("adopts the cluster of a store also when that write was not confirmed", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(withoutWatch(store));
    store.injectFault("writeIsNotConfirmed");
    const command = started("a", { clusterId: "c-before", mapVersion: 9, claims: [claim(0, 1)] });
    await expect(registry.execute(command)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect((await registry.refresh()).clusterId).toBe("c-before");
  });

  it("refuses more waiting commands than its bound, at once", async () => {
    const registry = await openRegistry(new MemoryStore());
    const waiting = Array.from({ length: registryQueueMax }, () => registry.execute(register("a")));
    await expect(registry.execute(register("b"))).rejects.toMatchObject({ code: "OVERLOADED" });
    await Promise.all(waiting);
    expect((await registry.execute(register("b"))).nodes.has("b")).toBe(true);
  });
});

describe("Registry.execute near the bound of the document", () => {
  const longUrl = (name: string): string => `http://${name}/`.padEnd(urlCharactersMax, "x");
  const fitting = Math.floor(registryGrowthBytesMax / (urlCharactersMax + 70));

  it("refuses the storage nodes that find no room, and takes those of the same write that do", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    const names = Array.from({ length: fitting + 30 }, (_, index) => `n${index}`);
    const results = await Promise.allSettled(names.map((name) => registry.execute(register(name, longUrl(name)))));
    const refused = results.filter(({ status }) => status === "rejected");
    expect(registry.map.nodes.size).toBe(names.length - refused.length);
    expect(registry.map.nodes.size).toBeGreaterThan(fitting - 30);
    expect(refused[0]).toMatchObject({
      reason: { code: "BAD_REQUEST", message: expect.stringContaining("Remove storage nodes") },
    });
    const text = (await store.load())?.text ?? "";
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(registryGrowthBytesMax);
    const move = {
      kind: "beginMove",
      shard: 1,
      node: "n1",
      ifEpoch: null,
      moveId: "m".repeat(urlCharactersMax),
    } as const;
    await registry.execute(assign(1, "n0"));
    await expect(registry.execute(move)).rejects.toMatchObject({ code: "BAD_REQUEST" });
    await registry.execute(register("n0", "http://short:1"));
    await registry.execute(started("n1", { clusterId: null }));
    expect(registry.map.nodes.get("n1")).toMatchObject({ storeId: "n1-store", url: "http://n1:4001" });
  });

  it("stores a change whose history finds no room beside the map without that", async () => {
    const store = new MemoryStore();
    const large = largestMap();
    const record = large.nodes.values().next().value;
    if (record === undefined) throw new Error("The sample has no storage node.");
    const nodes = [...large.nodes].map(([name, node]) => [name, { ...node, url: node.url.padEnd(285, "x") }] as const);
    const map = { ...large, hash: "fnv1a-32", nodes: new Map(nodes) };
    await store.compareAndSet(null, { version: map.version, text: clusterMapToText(map) }, null);
    const registry = await openRegistry(store);
    const shards = map.shards.filter(({ primary }) => primary === record.name);
    const renewal = { kind: "renewEpochs", node: record.name, shards } as const;
    await registry.execute(renewal);
    expect(await store.log()).toHaveLength(1);
    await registry.execute({ kind: "markPutBack", newMark: "m-1" });
    for (const name of map.nodes.keys()) {
      void registry.execute({ kind: "acceptLoss", name, refusal: null });
    }
    await vi.waitFor(() => expect(registry.map.putBack).toBeNull());
    expect(await store.log()).toHaveLength(1);
    expect(registry.history(5)[0]?.epoch).toBe(registry.map.shards[5]?.epoch);
  });
});

describe("Registry.history", () => {
  it("follows the changes of the process that leads", async () => {
    const store = new MemoryStore();
    const follower = await openRegistry(store);
    const leader = await openRegistry(store);
    await leader.execute(register("a"));
    await leader.execute(assign(1, "a"));
    await leader.execute({ kind: "removeNode", name: "a", isForced: true, evidence: [], isLive: false });
    await follower.refresh();
    expect(follower.history(1)).toEqual(leader.history(1));
    expect(follower.history(1).map(({ epoch, node, cause }) => [epoch, node, cause])).toEqual([[2, null, "operator"], [1, "a", "operator"]]); // prettier-ignore
  });

  it("keeps the map it has when the log cannot be read, and reads both again", async () => {
    const store = new MemoryStore();
    const blind = await openRegistry(withoutWatch(store));
    const leader = await openRegistry(store);
    await leader.execute(register("a"));
    store.injectFault("logFails");
    await expect(blind.refresh()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(blind.map.nodes.has("a")).toBe(false);
    expect((await blind.refresh()).nodes.has("a")).toBe(true);
  });
});

describe("Registry.refresh and onChange", () => {
  it("follows the changes of another process by itself", async () => {
    const store = new MemoryStore();
    const [one, other] = [await openRegistry(store), await openRegistry(store)];
    const listener = vi.fn<(map: unknown) => void>();
    one.onChange(listener);
    const map = await other.execute(register("a"));
    await vi.waitFor(() => expect(one.map).toEqual(map));
    expect(listener).toHaveBeenLastCalledWith(one.map);
  });

  it("calls listeners once per newer map, with it, until they stop", async () => {
    const registry = await openRegistry(new MemoryStore());
    const versions: number[] = [];
    const listener = ({ version }: { version: number }): void => void versions.push(version);
    const stop = registry.onChange(listener);
    registry.onChange(listener);
    await registry.execute(register("a"));
    await registry.refresh();
    stop();
    await registry.execute(register("b"));
    await settle();
    expect(versions).toEqual([3, 3, 4]);
  });

  it("logs what a listener throws, tells the others, and completes the command", async () => {
    const log = new RecordLog();
    const registry = await openRegistry(new MemoryStore(), { log });
    const failure = new Error("broken listener");
    registry.onChange(() => {
      throw failure;
    });
    const listener = vi.fn<() => void>();
    registry.onChange(listener);
    expect((await registry.execute(register("a"))).version).toBe(3);
    expect(listener).toHaveBeenCalledOnce();
    expect(log.lines).toEqual([
      {
        level: "error",
        facts: { err: failure, mapVersion: 3 },
        message: expect.stringContaining("A listener failed on a new cluster map;"),
      },
    ]);
  });

  it("shares one load among all who ask while another is in progress", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    const load = vi.spyOn(store, "load");
    const maps = await Promise.all(Array.from({ length: 100 }, () => registry.refresh()));
    expect(new Set(maps)).toEqual(new Set([registry.map]));
    expect(load.mock.calls.length).toBeLessThanOrEqual(2);
  });

  it("begins a load of its own when the one in progress may be too old", async () => {
    const store = new MemoryStore();
    const blindStore = withoutWatch(store);
    const registry = await openRegistry(blindStore);
    const old = await store.load();
    const other = await openRegistry(store);
    const gate = new EventEmitter();
    vi.spyOn(blindStore, "load").mockImplementationOnce(async () => {
      await once(gate, "open");
      return old;
    });
    const early = registry.refresh();
    await settle();
    await other.execute(register("a"));
    const late = registry.refresh();
    gate.emit("open");
    expect((await early).version).toBe(2);
    expect((await late).version).toBe(4);
  });

  it("writes a map that was removed from the store again with the next change", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "shardgate-registry-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = path.join(folder, "registry.json");
    const store = await openFile(file);
    const registry = await openRegistry(store);
    await registry.execute(register("a"));
    await rm(file);
    const map = await registry.execute(register("b"));
    await registry.close();
    await store.close();
    const again = await openFile(file);
    expect((await again.load())?.version).toBe(map.version);
    await again.close();
  });

  it("never goes back to an older version, and says that the store did", async () => {
    const log = new RecordLog();
    const store = withoutWatch(new MemoryStore());
    const registry = await openRegistry(store, { log });
    const first = await store.load();
    const map = await registry.execute(register("a"));
    const listener = vi.fn<() => void>();
    registry.onChange(listener);
    const load = vi.spyOn(store, "load");
    for (const older of [first, null]) {
      load.mockResolvedValueOnce(older);
      expect(await registry.refresh()).toBe(map);
    }
    expect(listener).not.toHaveBeenCalled();
    expect(log.lines.map(({ level, facts }) => ({ level, facts }))).toEqual([
      { level: "warn", facts: { knownVersion: 3, storedVersion: 2 } },
      { level: "warn", facts: { knownVersion: 3, storedVersion: null } },
    ]);
  });

  it("does not adopt another cluster's map", async () => {
    const store = withoutWatch(new MemoryStore());
    const registry = await openRegistry(store, { shardCount: 4 });
    const { map } = registry;
    const text = clusterMapToText({ ...mapWith([]), version: 3 });
    await store.compareAndSet({ version: 2, beat: 0 }, { version: 3, text }, null);
    await expect(registry.refresh()).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
    expect(registry.map).toBe(map);
  });

  it("passes the store's failure on to who asked, and works again afterwards", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    store.injectFault("loadFails");
    await expect(registry.refresh()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect((await registry.refresh()).version).toBe(2);
  });

  it("logs the store's failure when no caller waits", async () => {
    const log = new RecordLog();
    const store = new MemoryStore();
    const registry = await openRegistry(store, { log });
    store.injectFault("loadFails");
    await registry.execute(register("a"));
    await vi.waitFor(() => expect(log.lines).toHaveLength(1));
    expect(log.lines[0]).toMatchObject({ level: "warn", facts: { err: { code: "REGISTRY_UNAVAILABLE" } } });
  });

  it("gets no more notices once it is closed, and waits for the work in progress", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    const listener = vi.fn<() => void>();
    registry.onChange(listener);
    const command = registry.execute(register("a"));
    await registry.close();
    expect((await command).version).toBe(3);
    expect(listener).not.toHaveBeenCalled();
    await (await openRegistry(store)).execute(register("b"));
    await settle();
    expect(registry.map.version).toBe(3);
  });
});

describe("Registry on a store that tells of a write before it is done", () => {
  it("does not take its own write for another process's, and reads neither map nor log again", async () => {
    const store = new MemoryStore();
    const { compareAndSet } = store;
    const registry = await openRegistry(store);
    const log = vi.spyOn(store, "log");
    // As a file that is renamed: it can be read, and is watched, before its folder is synced.
    vi.spyOn(store, "compareAndSet").mockImplementation(async (...write) => {
      const isSet = await compareAndSet.apply(store, write);
      await settle();
      return isSet;
    });
    const map = await registry.execute(register("a"));
    await settle();
    expect(registry.map).toBe(map);
    expect(log).not.toHaveBeenCalled();
  });

  it("has each change once in its history when it reads the store while its own write is not done", async () => {
    const store = new MemoryStore();
    const { compareAndSet } = store;
    const registry = await openRegistry(store, { shardCount: 1 });
    await registry.execute(register("a"));
    vi.spyOn(store, "compareAndSet").mockImplementation(async (...write) => {
      const isSet = await compareAndSet.apply(store, write);
      await registry.refresh();
      return isSet;
    });
    await registry.execute({ kind: "assignUnassigned", liveNodes: ["a"], held: [] });
    expect(registry.history(0)).toHaveLength(1);
  });

  it("does not call the store older that was read just before its own write", async () => {
    const store = new MemoryStore();
    const { load } = store;
    const log = new RecordLog();
    const registry = await openRegistry(store, { log });
    vi.spyOn(store, "load").mockImplementationOnce(async () => {
      const stored = await load.apply(store);
      await registry.execute(register("a"));
      return stored;
    });
    expect(await registry.refresh()).toMatchObject({ version: 3 });
    expect(log.lines).toEqual([]);
  });
});

describe("Registry on a file", () => {
  let folder = "";
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("finds after a restart the map, epochs and history that it had, and refuses a broken file untouched", async () => {
    folder = await mkdtemp(path.join(tmpdir(), "shardgate-registry-"));
    const file = path.join(folder, "registry");
    const store = await openFile(file);
    const registry = await openRegistry(store, { shardCount: 4 });
    await registry.execute(register("a"));
    await registry.execute({ kind: "assignUnassigned", liveNodes: ["a"], held: [] });
    const map = await registry.execute(register("b"));
    const history = registry.history(1);
    await registry.close();
    await store.close();
    const again = await openRegistry(await openFile(file));
    expect(again.map).toEqual({ ...map, version: map.version + 1, leader: again.map.leader });
    expect(again.history(1)).toEqual(history);
    expect(history).toHaveLength(1);

    const half = (await readFile(file)).subarray(0, 300);
    await writeFile(file, half);
    await expect(openRegistry(await openFile(file))).rejects.toMatchObject({ code: "REGISTRY_CORRUPT" });
    expect((await readFile(file)).equals(half)).toBe(true);
  });

  it("begins marked with a document that an operator restored, and its later history is gone", async () => {
    folder = await mkdtemp(path.join(tmpdir(), "shardgate-registry-"));
    const store = await openFile(path.join(folder, "registry"));
    const registry = await openRegistry(store, { shardCount: 4 });
    await registry.execute(register("a"));
    await registry.execute(assign(1, "a"));
    const copy = await store.load();
    await registry.execute({ kind: "assignUnassigned", liveNodes: ["a"], held: [] });
    await registry.close();
    if (copy === null) throw new Error("There is no document.");
    expect(await store.compareAndSet(await store.load(), putBackDocument(copy, "m-1"), null)).toBe(true);
    const again = await openRegistry(store);
    expect(again.map).toMatchObject({ version: copy.version + 2, putBack: { mark: "m-1", waiting: ["a"] } });
    expect(again.map.shards.map(({ primary }) => primary)).toEqual([null, "a", null, null]);
    expect([again.history(0), again.history(1).length]).toEqual([[], 1]);
  });
});

/** One process has the file open at a time here. */
function openFile(file: string): Promise<FileStore> {
  return FileStore.open(file, { lockFile: async () => ({ release: async () => undefined }), watchFile });
}

/** The same store for a process that hears of no changes. */
function withoutWatch(store: MemoryStore): RegistryStore {
  return {
    load: () => store.load(),
    mark: () => store.mark(),
    compareAndSet: (expected, next, logRecord) => store.compareAndSet(expected, next, logRecord),
    beat: (expectedVersion) => store.beat(expectedVersion),
    log: () => store.log(),
    watch: () => () => undefined,
    close: () => store.close(),
  };
}
