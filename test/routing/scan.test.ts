import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { compareKeys } from "../../src/core/key.js";
import type { Outcome } from "../../src/core/operation.js";
import { NodeFault } from "../../src/routing/node-client/node-client.js";
import { scanShards, type ScanRequest, type ScanRouter, scanPageBytesMax } from "../../src/routing/scan.js";
import { MemoryCluster } from "../support/memory-cluster.js";
import { put } from "../support/operations.js";

const everything: ScanRequest = { shardCount: 4, prefix: "", after: null, before: null, limit: 100, isReverse: false };

async function clusterOf(keys: readonly string[], shardCount = 4, value = "1"): Promise<MemoryCluster> {
  const cluster = new MemoryCluster({ shardCount });
  const writes = keys.map((key) => put(key, value, { shardCount } as never));
  await cluster.until(cluster.execute(writes));
  return cluster;
}

async function pageOf(cluster: MemoryCluster, request: Partial<ScanRequest> = {}) {
  const wanted = { ...everything, shardCount: cluster.map.shardCount, ...request };
  const page = await cluster.until(scanShards(cluster.router, wanted, cluster.context()));
  return { ...page, keys: page.entries.map(({ key }) => key as string) };
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `key-${String(index).padStart(5, "0")}`);
const batches = (cluster: MemoryCluster) => [...cluster.nodes.values()].map((node) => node.batches.length);

describe("scanShards", () => {
  it("lists nothing in an empty store", async () => {
    expect(await pageOf(await clusterOf([]))).toMatchObject({ keys: [], hasMore: false, unavailableShards: [] });
  });

  it("merges all shards in bytewise order", async () => {
    const keys = ["b", "a", "\uffff", "😀", "Z", "ab", "ä", "a/b"];
    expect((await pageOf(await clusterOf(keys))).keys).toEqual(keys.toSorted(compareKeys));
  });

  it("knows whether more entries follow, even at the very end", async () => {
    const cluster = await clusterOf(numbered(10));
    expect(await pageOf(cluster, { limit: 9 })).toMatchObject({ keys: numbered(9), hasMore: true });
    expect(await pageOf(cluster, { limit: 10 })).toMatchObject({ keys: numbered(10), hasMore: false });
  });

  it("costs one request per storage node for a page of evenly distributed keys", async () => {
    const cluster = await clusterOf(numbered(2_000), 64);
    const before = batches(cluster);
    expect((await pageOf(cluster, { limit: 100 })).keys).toEqual(numbered(100));
    expect(batches(cluster).map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1, 1]);
  });

  it("asks again only where keys are distributed unevenly, and rarely", async () => {
    const cluster = new MemoryCluster({ shardCount: 64 });
    const keys = numbered(1_000);
    // All of them are in one shard.
    await cluster.until(cluster.execute(keys.map((key) => ({ ...put(key, "1"), shard: 0 as never }))));
    const before = batches(cluster);
    expect((await pageOf(cluster, { limit: 1_000 })).keys).toEqual(keys);
    const after = batches(cluster).map((count, index) => count - (before[index] ?? 0));
    expect(after[1]).toBe(1);
    expect(after[0]).toBeLessThanOrEqual(8);
  });

  it("leaves out a shard that fails, reports it, and fills the page from the others", async () => {
    const cluster = await clusterOf(numbered(200));
    const dead = new NodeFault("connectionRefused", "node3 refused the connection", true);
    cluster.node("node3").injectFault = () => ({ fault: dead });
    const page = await pageOf(cluster, { limit: 100 });
    expect(page.unavailableShards).toEqual([2]);
    expect(page.keys).toHaveLength(100);
    const whole = numbered(200).filter((key) => put(key, "1").shard !== 2);
    expect(page.keys).toEqual(whole.slice(0, 100));
  });

  it("drops the entries that a shard returned before it failed", async () => {
    const outcomes: Outcome[][] = [
      [page(["a", "c"], true), page(["b", "d"], false)],
      [{ kind: "refused", code: "SHARD_UNAVAILABLE", message: "" }],
    ];
    const router = { execute: vi.fn<ScanRouter["execute"]>(async () => outcomes.shift() ?? []) };
    const result = await scanShards(router, { ...everything, shardCount: 2 }, { deadlineMs: 1 });
    expect(result).toMatchObject({ entries: [{ key: "b" }, { key: "d" }], hasMore: false, unavailableShards: [0] });
    expect(router.execute.mock.calls[1]?.[0]).toMatchObject([{ shard: 0, after: "c", before: null }]);
  });

  it("continues where a shard ended its page early", async () => {
    const outcomes: Outcome[][] = [[page([], true)], [page(["a"], true)], [page(["b"], false)]];
    const router = { execute: async () => outcomes.shift() ?? [] };
    const result = await scanShards(router, { ...everything, shardCount: 1 }, { deadlineMs: 1 });
    expect(result).toMatchObject({ entries: [{ key: "a" }, { key: "b" }], hasMore: false });
  });

  it("ends a page early when its values fill the memory reserved for it", async () => {
    const value = JSON.stringify("x".repeat(1024 * 1024 - 2));
    const keys = numbered(20);
    const cluster = await clusterOf(keys, 4, value);
    const page = await pageOf(cluster);
    expect(page).toMatchObject({ keys: keys.slice(0, scanPageBytesMax / (1024 * 1024)), hasMore: true });
    expect((await pageOf(cluster, { after: page.keys.at(-1) ?? "" })).keys).toEqual(keys.slice(16));
  });

  it("asks every shard for its part of a page that has large values only", async () => {
    const cluster = new MemoryCluster({ shardCount: 64 });
    const execute = vi.spyOn(cluster.router, "execute");
    await pageOf(cluster, { limit: 1000 });
    for (const operation of execute.mock.calls[0]?.[0] ?? []) {
      expect(operation).toMatchObject({ kind: "scan", bytesMax: (2 * scanPageBytesMax) / 64 });
    }
  });

  it("fails when its request's budget of values is spent", async () => {
    const tooLarge: Outcome = { kind: "refused", code: "ANSWER_TOO_LARGE", message: "Too large." };
    const router: ScanRouter = { execute: async (operations) => operations.map(() => tooLarge) };
    await expect(scanShards(router, everything, { deadlineMs: 1 })).rejects.toMatchObject({ code: "ANSWER_TOO_LARGE" });
  });

  it("pages through everything exactly once while other keys are written and deleted", async () => {
    const keys = numbered(300);
    const cluster = await clusterOf(keys);
    for (const isReverse of [false, true]) {
      const seen: string[] = [];
      for (let cursor: string | null = null, hasMore = true, round = 0; hasMore; round++) {
        const page = await pageOf(cluster, { limit: 23, isReverse, [isReverse ? "before" : "after"]: cursor });
        seen.push(...page.keys.filter((key) => key.startsWith("key-")));
        cursor = page.keys.at(-1) ?? null;
        hasMore = page.hasMore;
        await cluster.until(cluster.execute([put(`other-${round}`, "1"), put(`another-${round}`, "1")]));
      }
      expect(seen).toEqual(isReverse ? keys.toReversed() : keys);
    }
  });

  it("equals the sort of everything, whatever the keys, bounds and direction", async () => {
    const letter = fc.constantFrom("a", "b", "ä", "\uffff", "😀", "/");
    const text = fc.string({ unit: letter, maxLength: 4 });
    const key = fc.string({ unit: letter, minLength: 1, maxLength: 4 });
    const request = fc.record({
      prefix: fc.string({ unit: letter, maxLength: 1 }),
      after: fc.option(text),
      before: fc.option(text),
      limit: fc.integer({ min: 1, max: 20 }),
      isReverse: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { maxLength: 40 }), request, async (keys, wanted) => {
        const { prefix, after, before, limit, isReverse } = wanted;
        const matching = keys
          .filter((one) => one.startsWith(prefix))
          .filter((one) => after === null || compareKeys(one, after) > 0)
          .filter((one) => before === null || compareKeys(one, before) < 0)
          .toSorted((a, b) => (isReverse ? -1 : 1) * compareKeys(a, b));
        const page = await pageOf(await clusterOf(keys), wanted);
        expect(page.keys).toEqual(matching.slice(0, limit));
        expect(page.hasMore).toBe(matching.length > limit);
      }),
      { numRuns: 60 },
    );
  });
});

function page(keys: readonly string[], hasMore: boolean): Outcome {
  const entries = keys.map((key) => ({ key, value: "1" }));
  return { kind: "page", entries: entries as never, hasMore };
}
