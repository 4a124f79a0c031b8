import { EventEmitter, once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { registryAttemptsMax, registryQueueMax } from "../../src/core/limits.js";
import { clusterMapToText } from "../../src/registry/cluster-map-text.js";
import { shardsOfNode, type RegistryCommand } from "../../src/registry/commands.js";
import { FileStore } from "../../src/registry/file-store.js";
import { MemoryStore } from "../../src/registry/memory-store.js";
import { Registry } from "../../src/registry/registry.js";
import type { RegistryStore } from "../../src/registry/registry-store.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { expectSound, mapWith } from "./map-samples.js";

const opened: Registry[] = [];

afterEach(async () => {
  for (const registry of opened.splice(0)) await registry.close();
});

interface Wanted {
  readonly shardCount?: number | null;
  readonly clusterName?: string | null;
  readonly log?: RecordLog;
}

async function openRegistry(store: RegistryStore, { shardCount = null, clusterName = null, log }: Wanted = {}) {
  const registry = await Registry.open({
    store,
    clock: new FakeClock(),
    log: log ?? new RecordLog(),
    wanted: { shardCount, clusterName },
    newClusterId: () => "new-id",
  });
  opened.push(registry);
  return registry;
}

function register(name: string): RegistryCommand {
  return { kind: "registerNode", name, url: `http://${name}:4001` };
}

function assign(shard: number, node: string): RegistryCommand {
  const rest = { ifEpoch: null, isForced: false, ownerHoldsData: false, cause: "operator" } as const;
  return { kind: "assign", shard, node, ...rest };
}

describe("Registry.open", () => {
  it("creates a cluster of 64 shards when the store is empty and nobody says otherwise", async () => {
    const store = new MemoryStore();
    const { map } = await openRegistry(store);
    expect(map).toMatchObject({ version: 1, shardCount: 64, clusterId: "new-id", clusterName: "shardgate" });
    expect(await store.load()).toEqual({ version: 1, text: clusterMapToText(map) });
  });

  it("creates the cluster that is wanted, and takes it as it is from then on", async () => {
    const store = new MemoryStore();
    const first = await openRegistry(store, { shardCount: 4, clusterName: "orders" });
    await first.execute(register("a"));
    for (const wanted of [{}, { shardCount: 4 }, { clusterName: "orders" }]) {
      expect((await openRegistry(store, wanted)).map).toEqual(first.map);
    }
  });

  it("refuses another number of shards, another name and another hash than those stored", async () => {
    const store = new MemoryStore();
    await openRegistry(store, { shardCount: 4, clusterName: "orders" });
    await expect(openRegistry(store, { shardCount: 8 })).rejects.toMatchObject({
      code: "SHARD_COUNT_MISMATCH",
      message: "The cluster has 4 shards; 8 were asked for.",
    });
    await expect(openRegistry(store, { clusterName: "users" })).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
    const text = clusterMapToText({ ...mapWith([]), version: 2, hash: "md5" });
    await store.compareAndSet(1, { version: 2, text });
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

  it("agrees with another process that creates the cluster in the same moment", async () => {
    const store = new MemoryStore();
    const registries = await Promise.all([openRegistry(store), openRegistry(store), openRegistry(store)]);
    for (const { map } of registries) expect(map).toEqual(registries[0]?.map);
  });

  it("gives up on a store that is empty and refuses to be written", async () => {
    const store = new MemoryStore();
    for (let attempt = 0; attempt < registryAttemptsMax; attempt++) store.injectFault("raceIsLost");
    await expect(openRegistry(store)).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
  });

  it("passes on the store's failure, and refuses a document whose version is not its map's", async () => {
    const store = new MemoryStore();
    store.injectFault("loadFails");
    await expect(openRegistry(store)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await store.compareAndSet(null, { version: 9, text: clusterMapToText(mapWith([])) });
    await expect(openRegistry(store)).rejects.toMatchObject({
      code: "REGISTRY_CORRUPT",
      message: expect.stringContaining("version 9 and its cluster map 1"),
    });
  });
});

describe("Registry.execute", () => {
  it("stores the change before it resolves to the new map", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    const map = await registry.execute(register("a"));
    expect(map.version).toBe(2);
    expect(registry.map).toBe(map);
    expect(await store.load()).toEqual({ version: 2, text: clusterMapToText(map) });
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
    expect((await registry.execute(register("a"))).version).toBe(2);
  });

  it("carries out concurrent commands one after another, each exactly once", async () => {
    const registry = await openRegistry(new MemoryStore());
    await registry.execute(register("a"));
    const maps = await Promise.all(Array.from({ length: 64 }, (_, shard) => registry.execute(assign(shard, "a"))));
    expect(maps.map(({ version }) => version)).toEqual(Array.from({ length: 64 }, (_, index) => index + 3));
    expect(shardsOfNode(registry.map, "a")).toHaveLength(64);
  });

  it("repeats the command on the newer map when another process was faster", async () => {
    const store = new MemoryStore();
    const [one, other] = [await openRegistry(store), await openRegistry(store)];
    const [first, second] = await Promise.all([one.execute(register("a")), other.execute(register("b"))]);
    expect(first.version).not.toBe(second.version);
    for (const registry of [one, other]) {
      expect([...(await registry.refresh()).nodes.keys()].toSorted()).toEqual(["a", "b"]);
      expectSound(registry.map);
    }
  });

  it("does not refuse what another process made right in the meantime", async () => {
    const store = new MemoryStore();
    const blind = await openRegistry(withoutWatch(store));
    const other = await openRegistry(store);
    await other.execute(register("a"));
    expect(blind.map.nodes.has("a")).toBe(false);
    expect((await blind.execute(assign(1, "a"))).shards[1]?.primary).toBe("a");
  });

  it("gives up when it is beaten every time, and says so", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    for (let attempt = 0; attempt < registryAttemptsMax; attempt++) store.injectFault("raceIsLost");
    await expect(registry.execute(register("a"))).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
    expect((await registry.execute(register("a"))).version).toBe(2);
  });

  it("wins after it was beaten once less than that", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    for (let attempt = 1; attempt < registryAttemptsMax; attempt++) store.injectFault("raceIsLost");
    expect((await registry.execute(register("a"))).version).toBe(2);
  });

  it("keeps its map when the store fails, and works again with it", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    store.injectFault("writeFails");
    await expect(registry.execute(register("a"))).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect((await registry.refresh()).version).toBe(1);
    expect((await registry.execute(register("b"))).nodes.has("a")).toBe(false);
  });

  it("shows a write that was not confirmed after the next refresh, and does not repeat it", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(withoutWatch(store));
    store.injectFault("writeIsNotConfirmed");
    await expect(registry.execute(register("a"))).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(registry.map.nodes.has("a")).toBe(false);
    expect((await registry.refresh()).nodes.has("a")).toBe(true);
    expect((await registry.execute(register("a"))).version).toBe(2);
  });

  it("builds the next change on a write that was not confirmed", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(withoutWatch(store));
    store.injectFault("writeIsNotConfirmed");
    await expect(registry.execute(register("a"))).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    const map = await registry.execute(register("b"));
    expect(map.version).toBe(3);
    expect([...map.nodes.keys()]).toEqual(["a", "b"]);
  });

  it("refuses more waiting commands than its bound, at once", async () => {
    const registry = await openRegistry(new MemoryStore());
    const waiting = Array.from({ length: registryQueueMax }, () => registry.execute(register("a")));
    await expect(registry.execute(register("b"))).rejects.toMatchObject({ code: "OVERLOADED" });
    await Promise.all(waiting);
    expect((await registry.execute(register("b"))).nodes.has("b")).toBe(true);
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
    expect(listener).toHaveBeenCalledExactlyOnceWith(one.map);
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
    expect(versions).toEqual([2, 2, 3]);
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
    expect((await registry.execute(register("a"))).version).toBe(2);
    expect(listener).toHaveBeenCalledOnce();
    expect(log.lines).toEqual([
      {
        level: "error",
        facts: { err: failure, mapVersion: 2 },
        message: expect.stringContaining("A listener failed on a new cluster map;"),
      },
    ]);
  });

  it("shares one load among all who ask while another is under way", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    const load = vi.spyOn(store, "load");
    const maps = await Promise.all(Array.from({ length: 100 }, () => registry.refresh()));
    expect(new Set(maps)).toEqual(new Set([registry.map]));
    expect(load.mock.calls.length).toBeLessThanOrEqual(2);
  });

  it("begins a load of its own when the one under way may be too old", async () => {
    const store = new MemoryStore();
    const blindStore = withoutWatch(store);
    const registry = await openRegistry(blindStore);
    const other = await openRegistry(store);
    const old = await store.load();
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
    expect((await early).version).toBe(1);
    expect((await late).version).toBe(2);
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
      { level: "warn", facts: { knownVersion: 2, storedVersion: 1 } },
      { level: "warn", facts: { knownVersion: 2, storedVersion: null } },
    ]);
  });

  it("does not adopt another cluster's map", async () => {
    const store = withoutWatch(new MemoryStore());
    const registry = await openRegistry(store, { shardCount: 4 });
    const { map } = registry;
    const text = clusterMapToText({ ...mapWith([]), version: 2 });
    await store.compareAndSet(1, { version: 2, text });
    await expect(registry.refresh()).rejects.toMatchObject({ code: "CLUSTER_MISMATCH" });
    expect(registry.map).toBe(map);
  });

  it("passes the store's failure on to who asked, and works again afterwards", async () => {
    const store = new MemoryStore();
    const registry = await openRegistry(store);
    store.injectFault("loadFails");
    await expect(registry.refresh()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect((await registry.refresh()).version).toBe(1);
  });

  it("logs the store's failure when nobody asked", async () => {
    const log = new RecordLog();
    const store = new MemoryStore();
    const registry = await openRegistry(store, { log });
    store.injectFault("loadFails");
    await registry.execute(register("a"));
    await vi.waitFor(() => expect(log.lines).toHaveLength(1));
    expect(log.lines[0]).toMatchObject({ level: "warn", facts: { err: { code: "REGISTRY_UNAVAILABLE" } } });
  });

  it("hears nothing more once it is closed, and waits for what is under way", async () => {
    const store = new MemoryStore();
    const [one, other] = [await openRegistry(store), await openRegistry(store)];
    const listener = vi.fn<() => void>();
    one.onChange(listener);
    const command = one.execute(register("a"));
    await one.close();
    expect((await command).version).toBe(2);
    expect(listener).not.toHaveBeenCalled();
    await other.execute(register("b"));
    await settle();
    expect(one.map.version).toBe(2);
  });
});

describe("Registry on a file", () => {
  let folder = "";
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("finds after a restart the map, epochs and history that it had, and refuses a broken file untouched", async () => {
    folder = await mkdtemp(path.join(tmpdir(), "shardgate-registry-"));
    const file = path.join(folder, "registry");
    const store = await FileStore.open(file);
    const registry = await openRegistry(store, { shardCount: 4 });
    await registry.execute(register("a"));
    await registry.execute({ kind: "assignUnassigned", liveNodes: ["a"], held: [] });
    const map = await registry.execute(register("b"));
    await registry.close();
    await store.close();
    expect((await openRegistry(await FileStore.open(file))).map).toEqual(map);

    const half = (await readFile(file)).subarray(0, 300);
    await writeFile(file, half);
    await expect(openRegistry(await FileStore.open(file))).rejects.toMatchObject({ code: "REGISTRY_CORRUPT" });
    expect((await readFile(file)).equals(half)).toBe(true);
  });

  it("sees the changes of another process", async () => {
    folder = await mkdtemp(path.join(tmpdir(), "shardgate-registry-"));
    const stores = [
      await FileStore.open(path.join(folder, "r")),
      await FileStore.open(path.join(folder, "r")),
    ] as const;
    const [one, other] = [await openRegistry(stores[0]), await openRegistry(stores[1])];
    const map = await other.execute(register("a"));
    await vi.waitFor(() => expect(one.map).toEqual(map));
    for (const store of stores) await store.close();
  });
});

/** The same store for a process that is told of nothing. */
function withoutWatch(store: MemoryStore): RegistryStore {
  return {
    load: () => store.load(),
    compareAndSet: (expectedVersion, next) => store.compareAndSet(expectedVersion, next),
    watch: () => () => undefined,
    close: () => store.close(),
  };
}
