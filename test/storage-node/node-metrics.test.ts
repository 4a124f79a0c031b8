/** `GET /metrics` of a storage node, over real HTTP. */
import { describe, expect, it, vi } from "vitest";
import { drainTimeoutMs, engineTimeoutMs } from "../../src/core/limits.js";
import { MemoryContent } from "../../src/storage/memory/memory-content.js";
import { MemoryEngine } from "../../src/storage/memory/memory-engine.js";
import { encodeBatchRequest } from "../../src/wire/batch/batch-body.js";
import { settle } from "../support/fake-clock.js";
import { claimed, get, put } from "./operations.js";
import { runNode } from "./running-node.js";
import { sweepIntervalMs } from "../../src/storage-node/shards/sweeper.js";

type Node = Awaited<ReturnType<typeof runNode>>;

/** The samples, by name and labels as written. */
async function samplesOf({ send }: Pick<Node, "send">): Promise<Readonly<Record<string, number>>> {
  const { status, text } = await send("/metrics");
  expect(status).toBe(200);
  const samples = [...text.matchAll(/^(shardgate_\S+) (\S+)$/gm)];
  return Object.fromEntries(samples.map(([, name = "", value]) => [name, Number(value)]));
}

describe("GET /metrics of a storage node", () => {
  it("counts requests, batches, reads and group commits", async () => {
    const node = await runNode();
    await node.putValue("/shard/1/store/a", '"ä"');
    await node.send("/shard/1/store/none");
    await node.send("/batch", { method: "POST", body: Buffer.from(encodeBatchRequest([get("a"), put("b", "1")])) });
    expect(await samplesOf(node)).toMatchObject({
      'shardgate_storage_requests_total{route="/shard/:shard/store/:key",method="PUT",status="201"}': 1,
      'shardgate_storage_requests_total{route="/shard/:shard/store/:key",method="GET",status="404"}': 1,
      'shardgate_storage_requests_total{route="/batch",method="POST",status="200"}': 1,
      'shardgate_storage_request_seconds_count{route="/batch"}': 1,
      shardgate_storage_batch_operations_sum: 2,
      shardgate_storage_read_seconds_count: 2,
      shardgate_storage_read_operations_total: 2,
      shardgate_storage_commit_seconds_count: 2,
      shardgate_storage_commit_operations_sum: 2,
      shardgate_storage_commit_bytes_total: 5,
      shardgate_storage_entries: 2,
      shardgate_storage_file_bytes: 8192,
      shardgate_storage_hosted_shards: 2,
      shardgate_storage_acknowledged: 1,
      shardgate_storage_draining: 0,
      // The request for the metrics itself.
      shardgate_storage_requests_in_flight: 1,
      shardgate_storage_queued_writes: 0,
      'shardgate_storage_engine_failures_total{call="write"}': 0,
    });
  });

  it("reports no file length for an engine without files", async () => {
    const node = await runNode({ engine: new MemoryEngine() });
    expect(await samplesOf(node)).not.toHaveProperty("shardgate_storage_file_bytes");
  });

  it("counts the entries of a shared store at the storage node that owns their shard only", async () => {
    const content = new MemoryContent("shared1");
    const other = await claimed(new MemoryEngine(null, content, "other"), { 1: 1 });
    await other.write([put("a", "1", { shard: 1 }), put("b", "1", { shard: 1 })], 0);
    const node = await runNode({ engine: new MemoryEngine(null, content, "node1") });
    await node.putValue("/shard/2/store/c", "12");
    expect(await samplesOf(node)).toMatchObject({
      shardgate_storage_hosted_shards: 1,
      shardgate_storage_entries: 1,
      shardgate_storage_entry_bytes: 3,
    });
  });

  it("counts the shards that are assigned to it", async () => {
    const node = await runNode();
    const shards = [{ shardId: 2, epoch: 1 }];
    const assignments = { clusterId: "c1", shardCount: 4, mapVersion: 1, shards };
    await node.send("/assignments", { method: "PUT", body: JSON.stringify(assignments) });
    expect(await samplesOf(node)).toMatchObject({ shardgate_storage_hosted_shards: 1 });
  });

  it("counts failures of the engine", async () => {
    const node = await runNode();
    node.engine.writeFailure = new Error("broken");
    node.engine.readFailure = new Error("broken");
    node.engine.sweepFailure = new Error("broken");
    await node.putValue("/shard/1/store/a", "1");
    await node.send("/shard/1/store/a");
    await node.clock.advance(sweepIntervalMs);
    expect(await samplesOf(node)).toMatchObject({
      'shardgate_storage_engine_failures_total{call="write"}': 1,
      'shardgate_storage_engine_failures_total{call="read"}': 1,
      'shardgate_storage_engine_failures_total{call="sweep"}': 1,
      shardgate_storage_sweeps_total: 1,
    });
  });

  it.each([
    ["ends", null, 0],
    ["fails", new Error("broken"), 1],
  ])("counts a read that was too slow once it %s", async (_, failure, failures) => {
    const node = await runNode();
    await node.putValue("/shard/1/store/a", "1");
    node.engine.readFailure = failure;
    node.engine.holdReads();
    const answer = node.send("/shard/1/store/a");
    await vi.waitFor(() => expect(node.engine.reads).toHaveLength(1));
    await node.clock.advance(engineTimeoutMs);
    expect((await answer).status).toBe(503);
    node.engine.release();
    await vi.waitFor(async () => {
      expect(await samplesOf(node)).toMatchObject({
        shardgate_storage_read_seconds_count: 1,
        'shardgate_storage_engine_failures_total{call="read"}': failures,
      });
    });
  });

  it("counts sweeps and the entries that they removed", async () => {
    const node = await runNode();
    await node.putValue("/shard/1/store/a?ttl=1", "1");
    await node.clock.advance(2 * sweepIntervalMs);
    expect(await samplesOf(node)).toMatchObject({
      shardgate_storage_swept_entries_total: 1,
      shardgate_storage_dropped_tombstones_total: 0,
    });
  });

  it("reports that no gateway has acknowledged the start yet", async () => {
    const node = await runNode({ gatewayUrls: ["http://127.0.0.1:9"] });
    expect(await samplesOf(node)).toMatchObject({ shardgate_storage_acknowledged: 0 });
  });

  it("is answered while the node drains, and shows the writes that wait", async () => {
    const node = await runNode();
    node.engine.hold();
    const writes = ["a", "b"].map((key) => node.putValue(`/shard/1/store/${key}`, "1"));
    await expect.poll(() => node.engine.writes.length).toBe(1);
    await expect.poll(async () => (await samplesOf(node))["shardgate_storage_requests_in_flight"]).toBe(3);
    const drain = node.node.drain();
    await settle();
    const samples = await samplesOf(node);
    expect(samples).toMatchObject({ shardgate_storage_draining: 1 });
    expect(samples["shardgate_storage_queued_writes"]).toBeLessThanOrEqual(1);
    node.engine.release();
    await Promise.all(writes);
    for (let step = 0; step < 10; step++) await node.clock.advance(drainTimeoutMs / 10);
    await drain;
  });

  it("refuses other methods", async () => {
    const node = await runNode();
    expect((await node.send("/metrics", { method: "POST" })).status).toBe(405);
  });
});
