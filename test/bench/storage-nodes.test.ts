/** The storage nodes' dialect of the benchmark, which writes and reads batch bodies by hand, against storage nodes. */
import { expect, it } from "vitest";
import { shardOfKey } from "../../src/core/shard.js";
import { parseKey } from "../../src/core/key.js";
import { runNode } from "../storage-node/running-node.js";
import { benchModule } from "./bench-module.js";

type Job = Readonly<Record<string, unknown>>;
interface Request {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly answerStart: string;
}
interface ShardMap {
  readonly shardOf: (key: string) => number;
}

const { shardMap } = await benchModule<{ shardMap: (bodies: unknown) => ShardMap }>("shard-map.mjs");
const { storageNodes } = await benchModule<{
  storageNodes: (map: ShardMap) => {
    requestsOf: (job: Job) => readonly Request[];
    resultOf: (job: Job, texts: readonly string[]) => unknown;
  };
}>("dialects/storage-nodes.mjs");

const shardCount = 8;

/** Two storage nodes that share the shards, and `ask`, which does a job as the benchmark does. */
async function runNodes() {
  const nodes = [await runNode(), await runNode()];
  const map = shardMap({
    shardCount,
    shards: Array.from({ length: shardCount }, (_, shard) => ({ shardId: shard, nodeId: `node${shard % 2}` })),
    nodes: nodes.map(({ node }, index) => ({ id: `node${index}`, url: node.url })),
  });
  const dialect = storageNodes(map);
  const requestsOf = (job: Job) => dialect.requestsOf(job);
  const ask = async (job: Job) => {
    const texts = await Promise.all(
      requestsOf(job).map(async ({ origin, path, method, body, answerStart }) => {
        const answer = await fetch(origin + path, { method, ...(body === undefined ? {} : { body }) });
        const text = await answer.text();
        expect([answer.ok, text.slice(0, answerStart.length)]).toEqual([true, answerStart]);
        return text;
      }),
    );
    return dialect.resultOf(job, texts);
  };
  return { map, requestsOf, ask };
}

const items = Array.from({ length: 40 }, (_, index) => ({
  key: `bench:ä:${String(index).padStart(2, "0")}`,
  value: JSON.stringify({ index, text: "ß".repeat(index) }),
}));
const values = items.map(({ value }): unknown => JSON.parse(value));

it("finds a key's shard as the gateway does", async () => {
  const { map } = await runNodes();
  for (const { key } of items) expect(map.shardOf(key)).toBe(shardOfKey(parseKey(key), shardCount));
});

it("writes and reads many entries with one batch for each node, in the order of the job", async () => {
  const { requestsOf, ask } = await runNodes();
  expect(await ask({ kind: "putMany", items })).toBeNull();
  const job = { kind: "getMany", keys: items.map(({ key }) => key) };
  expect(requestsOf(job).map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /batch", "POST /batch"]);
  expect(await ask(job)).toEqual(values);
});

it("writes and reads one entry by the plain route", async () => {
  const { requestsOf, ask } = await runNodes();
  const job = { kind: "put", key: "a/b", value: '{"index":7}' };
  expect(requestsOf(job).map(({ path }) => path.replace(/\d+/, "S"))).toEqual(["/shard/S/store/a%2Fb"]);
  expect(await ask(job)).toBeNull();
  expect(await ask({ kind: "get", key: "a/b" })).toEqual([{ index: 7 }]);
});

it("scans all shards of all nodes and merges their pages in key order", async () => {
  const { ask } = await runNodes();
  await ask({ kind: "putMany", items });
  const first = items.slice(0, 15).map(({ key, value }): unknown => ({ key, value: JSON.parse(value) }));
  expect(await ask({ kind: "scan", prefix: "bench:ä:", limit: 15 })).toEqual(first);
});

it("does not count a refused operation of a batch as done", async () => {
  const { ask } = await runNodes();
  await ask({ kind: "putMany", items: items.slice(0, 10) });
  await expect(ask({ kind: "getMany", keys: items.map(({ key }) => key) })).rejects.toThrow(/404/);
});
