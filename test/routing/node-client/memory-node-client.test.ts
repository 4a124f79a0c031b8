import { describe, expect, it } from "vitest";
import { MemoryNodeClient } from "../../../src/routing/node-client/memory-node-client.js";
import { NodeFault, type NodeKind } from "../../../src/routing/node-client/node-client.js";
import { describeNodeClient } from "../../conformance/node-client.js";
import { FakeClock } from "../../support/fake-clock.js";
import { get, put, routed } from "../../support/operations.js";

for (const kind of ["full", "plain"] satisfies NodeKind[]) {
  describeNodeClient("MemoryNodeClient", kind, async () => {
    const client = new MemoryNodeClient(new FakeClock(), kind);
    const setCluster = (clusterId: string): void => void (client.callerClusterId = clusterId);
    const rename = (name: string): void => void (client.name = name);
    client.targetNode = "node1";
    return { client, setCluster, rename, close: () => client.close() };
  });
}

describe("MemoryNodeClient", () => {
  const call = { timeoutMs: 100 };
  const reset = new NodeFault("connectionReset", "the storage node closed the connection", false);

  it("fails as often as requested, with or without executing the operations", async () => {
    const client = new MemoryNodeClient(new FakeClock());
    client.failNext({ fault: reset });
    await expect(client.execute([routed(put("a", "1"))], call)).rejects.toBe(reset);
    expect(await client.execute([routed(get("a"))], call)).toEqual([{ kind: "notFound" }]);
    client.failNext({ fault: reset, isExecuted: true });
    await expect(client.execute([routed(put("a", "1"))], call)).rejects.toBe(reset);
    expect(await client.execute([routed(get("a"))], call)).toMatchObject([{ kind: "found" }]);
  });

  it("holds calls until they are released, aborted, closed or timed out", async () => {
    const clock = new FakeClock();
    const client = new MemoryNodeClient(clock);
    client.hold();
    const late = client.probe(call);
    const givenUp = new AbortController();
    const aborted = client.probe({ ...call, signal: givenUp.signal });
    const failures = Promise.allSettled([late, aborted]);
    givenUp.abort();
    await clock.advance(100);
    expect(await failures).toMatchObject([{ reason: { reason: "timeout" } }, { reason: { reason: "aborted" } }]);
    const released = client.probe(call);
    client.release();
    await expect(released).resolves.toMatchObject({ kind: "full", clusterId: null });
    client.hold();
    const closed = expect(client.probe(call)).rejects.toMatchObject({ reason: "aborted" });
    await client.close();
    await closed;
  });

  it("expires entries at their moment", async () => {
    const clock = new FakeClock();
    const client = new MemoryNodeClient(clock);
    const expiry = { kind: "ttl", seconds: 1 } as const;
    await client.execute(
      [
        routed(put("a", "1", { expiry })),
        routed(put("b", "1", { expiry: { kind: "at", atMs: clock.nowMs() + 1000 } })),
      ],
      call,
    );
    await clock.advance(999);
    expect(await client.execute([routed(get("a")), routed(get("b"))], call)).toMatchObject([
      { kind: "found" },
      { kind: "found" },
    ]);
    await clock.advance(1);
    expect(await client.execute([routed(get("a")), routed(get("b"))], call)).toEqual([
      { kind: "notFound" },
      { kind: "notFound" },
    ]);
  });

  it("ignores assignments that are older than its own, and answers any epoch before it has some", async () => {
    const client = new MemoryNodeClient(new FakeClock());
    expect(await client.execute([routed(get("user123"), 9)], call)).toEqual([{ kind: "notFound" }]);
    const cluster = { clusterId: "c", shardCount: 4 };
    await client.assign({ ...cluster, mapVersion: 2, shards: [{ shardId: 2, epoch: 5 }] }, call);
    await client.assign({ ...cluster, mapVersion: 1 }, call);
    expect(await client.shards(call)).toMatchObject([{ shardId: 2, epoch: 5, keyCount: 0, sizeBytes: 0 }]);
    expect(await client.execute([routed(get("a"), 1)], call)).toMatchObject([{ code: "SHARD_NOT_HOSTED" }]);
  });
});
