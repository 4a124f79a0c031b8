import { describe, expect, it, vi } from "vitest";
import type { FoundRegistry } from "../../../src/cli/registry/command-registry.js";
import { copiedDocument, decideCopy, writeCopy, type CopySource } from "../../../src/cli/registry/registry-copy.js";
import { parseShard } from "../../../src/core/shard.js";
import { AssignmentHistory, recordOfChanges } from "../../../src/registry/assignment-log.js";
import type { ClusterMap } from "../../../src/registry/cluster-map.js";
import { registryDocumentBytesMax } from "../../../src/registry/command-batch.js";
import { createClusterMap } from "../../../src/registry/commands.js";
import { documentOf, mapOf } from "../../../src/registry/stored-cluster-map.js";
import { MemoryStore } from "../../../src/registry/stores/memory-store.js";

function mapAt(version: number, clusterId = "c1", clusterName = "shop"): ClusterMap {
  return { ...createClusterMap({ clusterId, clusterName, shardCount: 4 }), version };
}

function sourceAt(version: number, records: readonly string[] = []): CopySource {
  const map = mapAt(version);
  return { map, document: documentOf(map), records };
}

function foundAt(version: number, ...cluster: string[]): FoundRegistry {
  const map = mapAt(version, ...cluster);
  return { ...documentOf(map), beat: 3, map };
}

const damaged: FoundRegistry = { version: 9, beat: 0, text: "{}", map: null };

describe("a copy of a registry", () => {
  it.each([
    ["nothing", null],
    ["an older map of the same cluster", foundAt(6)],
  ])("takes the place of %s without a mark", (_, target) => {
    for (const isForced of [false, true]) {
      expect(decideCopy(sourceAt(7), target, isForced)).toEqual({ kind: "write", isMarked: false });
    }
  });

  it("counts as done if the target has the registry already", () => {
    expect(decideCopy(sourceAt(7), foundAt(7), false)).toEqual({ kind: "done" });
  });

  it.each([
    ["a newer map of the same cluster", foundAt(8), "has map version 8 of this cluster, and the copy has 7", true],
    [
      "another map of the same version",
      { ...foundAt(7), text: "other" },
      "has map version 7 of this cluster, and the copy has 7",
      true,
    ],
    ["another cluster", foundAt(2, "c2", "office"), "has another cluster, office (c2)", false],
    ["what is no cluster map", damaged, "has a document that is no cluster map", true],
  ])("takes the place of %s by force only", (_, target, what, isMarked) => {
    expect(decideCopy(sourceAt(7), target, false)).toEqual({ kind: "refuse", what });
    expect(decideCopy(sourceAt(7), target, true)).toEqual({ kind: "write", isMarked });
  });

  it("is the very document, or marked with a version above all that the target had", () => {
    const source = sourceAt(7);
    expect(copiedDocument(source, null, foundAt(9))).toBe(source.document);
    const withNode = {
      ...source.map,
      nodes: new Map([
        [
          "a",
          {
            name: "a",
            url: "http://a:1",
            registeredAtMs: 0,
            storeId: null,
            lastStart: null,
            isLossAccepted: false,
            isStoreShared: false,
            isDraining: false,
          },
        ],
      ]),
    };
    const marked = mapOf(copiedDocument({ ...source, document: documentOf(withNode) }, "m", foundAt(9)));
    expect(marked).toMatchObject({ version: 10, putBack: { mark: "m", waiting: ["a"] } });
  });
});

describe("writing a copy", () => {
  const change = (shard: number, epoch: number) =>
    ({ shard: parseShard(shard), epoch, node: "a", atMs: epoch, cause: "operator" }) as const;

  it("takes the whole log along, in few writes", async () => {
    const records = Array.from({ length: 40 }, (_, epoch) =>
      recordOfChanges(Array.from({ length: 2_000 }, (_, shard) => change(shard, epoch + 1))),
    ).filter((record) => record !== null);
    const source = sourceAt(50, records);
    const store = new MemoryStore();
    await writeCopy(store, null, source.document, records);
    expect(await store.load()).toEqual({ ...source.document, beat: 0 });
    const [copied, original] = [new AssignmentHistory(2_000), new AssignmentHistory(2_000)];
    copied.reset(await store.log());
    original.reset(records);
    for (const shard of [0, 1_999]) expect(copied.of(shard)).toEqual(original.of(shard));
    expect((await store.log()).length).toBeLessThan(10);
  });

  it("leaves nothing of the log that was there, and goes on from its beat", async () => {
    const store = new MemoryStore();
    await store.compareAndSet(null, { version: 3, text: "before" }, recordOfChanges([change(1, 1)]));
    await store.beat(3);
    const record = recordOfChanges([change(2, 1)]) ?? "";
    await writeCopy(store, await store.mark(), sourceAt(2).document, [record]);
    expect(await store.log()).toEqual([record]);
    expect(await store.mark()).toEqual({ version: 2, beat: 1 });
  });

  it("refuses a map that is longer than every registry takes before anything of the target is lost", async () => {
    const store = new MemoryStore();
    await store.compareAndSet(null, { version: 3, text: "before" }, null);
    const tooLong = { version: 9, text: "x".repeat(registryDocumentBytesMax + 1) };
    await expect(writeCopy(store, await store.mark(), tooLong, [])).rejects.toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining("Nothing was written"),
    });
    expect(await store.load()).toMatchObject({ version: 3, text: "before" });
  });

  it("stops where another process writes, and leaves no cluster map that a gateway would start with", async () => {
    const store = new MemoryStore();
    await store.compareAndSet(null, { version: 3, text: "before" }, null);
    const compareAndSet = store.compareAndSet.bind(store);
    vi.spyOn(store, "compareAndSet").mockImplementationOnce(compareAndSet).mockResolvedValueOnce(false);
    await expect(writeCopy(store, await store.mark(), sourceAt(9).document, [])).rejects.toMatchObject({
      code: "REGISTRY_CONFLICT",
      message: expect.stringContaining("run the command again with --force"),
    });
    const left = await store.load();
    expect(() => mapOf(left ?? sourceAt(9).document)).toThrow(expect.objectContaining({ code: "REGISTRY_CORRUPT" }));
  });
});
