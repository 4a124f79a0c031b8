/** Whose keys are whose, as the benchmark counts it. */
import { expect, it } from "vitest";
import { benchModule } from "./bench-module.js";

interface ShardMap {
  readonly shardOf: (key: string) => number;
  readonly originOf: (shard: number) => string;
}
type Job = Readonly<Record<string, unknown>>;

const { shardMap, nodesTouchedBy } = await benchModule<{
  shardMap: (bodies: unknown) => ShardMap;
  nodesTouchedBy: (jobs: readonly Job[], map: ShardMap) => number | null;
}>("shard-map.mjs");

/** `nodeCount` storage nodes that have the shards in turn. */
function mapOver(nodeCount: number): ShardMap {
  const shardCount = 64;
  return shardMap({
    shardCount,
    shards: Array.from({ length: shardCount }, (_, shard) => ({ shardId: shard, nodeId: `node${shard % nodeCount}` })),
    nodes: Array.from({ length: nodeCount }, (_, node) => ({ id: `node${node}`, url: `http://node${node}` })),
  });
}

const keys = Array.from({ length: 300 }, (_, index) => `key:${index}`);

it("counts the storage nodes that own a job's keys, each once, as a mean over jobs", () => {
  const map = mapOver(4);
  expect(nodesTouchedBy([{ kind: "get", key: "a" }], map)).toBe(1);
  expect(nodesTouchedBy([{ kind: "getMany", keys }], map)).toBe(4);
  expect(nodesTouchedBy([{ kind: "putMany", items: keys.map((key) => ({ key })) }], map)).toBe(4);
  const mixed = [
    { kind: "get", key: "a" },
    { kind: "getMany", keys },
  ];
  expect(nodesTouchedBy(mixed, map)).toBe(2.5);
  expect(nodesTouchedBy(mixed, mapOver(1))).toBe(1);
});

it("does not count jobs without keys", () => {
  const jobs = [
    { kind: "scan", prefix: "a", limit: 3 },
    { kind: "get", key: "a" },
  ];
  expect(nodesTouchedBy(jobs, mapOver(4))).toBeNull();
});
