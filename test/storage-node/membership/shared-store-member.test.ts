import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { MemoryContent } from "../../../src/storage/memory/memory-content.js";
import { MemoryEngine } from "../../../src/storage/memory/memory-engine.js";
import { problemOf } from "../../../src/wire/problem.js";
import { assignments, claimed, put, shardOf } from "../operations.js";
import { runNode } from "../running-node.js";
import { ScriptedEngine } from "../shards/scripted-engine.js";
import { FakeGateway } from "./fake-gateway.js";

/** A gateway that gives shard 1 to each node, and what it has heard. */
async function startGateway() {
  const gateway = new FakeGateway(() => ({ status: 200, body: JSON.stringify(assignments(7, { 1: 5 })) }));
  onTestFinished(() => gateway.stop());
  return gateway.start();
}

describe("a storage node of a shared store", () => {
  it("registers as one, with the store's cluster and what others have claimed as given up", async () => {
    const content = new MemoryContent("shared1");
    const other = await claimed(new MemoryEngine(null, content, "other"), { 2: 3 });
    await other.write([put("a", "1")], 0);
    await other.changeState(() => ({ cluster: { clusterId: "c1", shardCount: 4 }, claims: [] }));
    const gateway = await startGateway();
    await runNode({ engine: new MemoryEngine(null, content, "node1"), gatewayUrls: [gateway.url] });
    await vi.waitFor(() => expect(gateway.calls).not.toEqual([]));
    expect(gateway.calls[0]?.body).toMatchObject({
      id: "node1",
      isStoreShared: true,
      storeId: "shared1",
      clusterId: "c1",
      shardCount: 4,
      mapVersion: null,
      shards: [{ shardId: 2, epoch: 3, releasedEpoch: 3, keyCount: 1 }],
      starts: ["first"],
    });
  });

  it("names the cluster that another storage node has just given the store, whenever that was", async () => {
    const content = new MemoryContent("shared1");
    const engine = new ScriptedEngine(new MemoryEngine(null, content, "node1"));
    const stats = engine.stats.bind(engine);
    // The claims of the others are read by then.
    vi.spyOn(engine, "stats").mockImplementation(async (nowMs) => {
      const cluster = { clusterId: "c1", shardCount: 4 };
      await new MemoryEngine(null, content, "other").changeState(() => ({ cluster, claims: [] }));
      return stats(nowMs);
    });
    const gateway = await startGateway();
    await runNode({ engine, gatewayUrls: [gateway.url] });
    await vi.waitFor(() => expect(gateway.calls[0]?.body).toMatchObject({ clusterId: "c1", shardCount: 4 }));
  });

  it("names a later start of another process with its name, so that its store is no older copy for the gateway", async () => {
    const content = new MemoryContent("shared1");
    const gateway = await startGateway();
    const { clock } = await runNode({ engine: new MemoryEngine(null, content, "node1"), gatewayUrls: [gateway.url] });
    await vi.waitFor(() => expect(content.documentOf("node1")).toContain('"acknowledgedStart":"first"'));
    await runNode({
      engine: new MemoryEngine(null, content, "node1"),
      gatewayUrls: [gateway.url],
      incarnation: "second",
    });
    await vi.waitFor(() => expect(content.documentOf("node1")).toContain('"acknowledgedStart":"second"'));
    // The second process is gone, and the gateway asks the first one to register.
    const isFirst = ({ body }: (typeof gateway.calls)[number]) => body["incarnation"] === "first";
    gateway.calls.length = 0;
    gateway.answer = ({ path }) =>
      path === "POST /nodes"
        ? { status: 200, body: JSON.stringify(assignments(8, { 1: 6 })) }
        : { status: 404, body: JSON.stringify(problemOf(new ShardgateError("NODE_NOT_FOUND", "Register again."))) };
    const registration = () => gateway.calls.find((call) => call.path === "POST /nodes" && isFirst(call));
    await vi.waitFor(
      async () => {
        await clock.advance(100);
        expect(registration()?.body).toMatchObject({ starts: ["second", "first"] });
      },
      { interval: 2 },
    );
  });

  it("registers anew when its database was restored from a copy that lacks its start", async () => {
    const content = new MemoryContent("shared1");
    const gateway = await startGateway();
    const { clock } = await runNode({ engine: new MemoryEngine(null, content, "node1"), gatewayUrls: [gateway.url] });
    await vi.waitFor(() => expect(content.documentOf("node1")).toContain('"acknowledgedStart":"first"'));
    const copy = content.documentOf("node1")?.replaceAll('"first"', '"earlier"') ?? "";
    await new MemoryEngine(null, content, "node1").changeState(() => ({ document: copy, claims: [] }));
    gateway.calls.length = 0;
    gateway.answer = () => ({ status: 200, body: JSON.stringify(assignments(8, { 1: 6 })) });
    await vi.waitFor(
      async () => {
        await clock.advance(100);
        const registrations = gateway.calls.filter(({ path }) => path === "POST /nodes");
        expect(registrations[0]?.body).toMatchObject({ incarnation: "first", starts: ["earlier"] });
      },
      { interval: 2 },
    );
  });

  it("asks for new epochs for the claims that a fail-over of its database has outdated", async () => {
    const engine = new ScriptedEngine(new MemoryEngine(null, new MemoryContent("shared1"), "node1"));
    const gateway = await startGateway();
    const { clock } = await runNode({ engine, gatewayUrls: [gateway.url] });
    const heartbeats = () => gateway.calls.filter(({ path }) => path === "POST /nodes/node1/heartbeat");
    const heard = (): Promise<void> =>
      vi.waitFor(
        async () => {
          await clock.advance(100);
          expect(heartbeats()).not.toEqual([]);
        },
        { interval: 2 },
      );
    await heard();
    expect(heartbeats()[0]?.body).not.toHaveProperty("exhausted");
    engine.outdated = [{ shard: shardOf(1), epoch: 5, releasedEpoch: 0, lineage: 0, sealedFor: null }];
    gateway.calls.length = 0;
    await heard();
    expect(heartbeats()[0]?.body).toMatchObject({ exhausted: [{ shardId: 1, epoch: 5 }] });
  });

  it("says in its heartbeats that it cannot reach its database, and goes on with them meanwhile, whatever else it should do", async () => {
    const engine = new ScriptedEngine(new MemoryEngine(null, new MemoryContent("shared1"), "node1"));
    const gateway = await startGateway();
    const { clock } = await runNode({ engine, gatewayUrls: [gateway.url] });
    const heartbeat = "POST /nodes/node1/heartbeat";
    const bodies = () => gateway.calls.filter(({ path }) => path === heartbeat).map(({ body }) => body);
    const until = (check: () => void): Promise<void> =>
      vi.waitFor(
        async () => {
          await clock.advance(100);
          check();
        },
        { interval: 2 },
      );
    await until(() => expect(bodies()).not.toEqual([]));
    expect(bodies()[0]).not.toHaveProperty("isStoreLost");
    // First it only fails, at newer assignments; nothing can be registered without it, either.
    engine.stateFailure = new ShardgateError("SHARD_UNAVAILABLE", "The database does not answer.");
    gateway.answer = () => ({ status: 200, body: JSON.stringify(assignments(8, {})) });
    const changes = engine.stateChanges;
    await until(() => {
      expect(bodies().length).toBeGreaterThanOrEqual(2);
    });
    engine.isStoreLost = true;
    const firstLost = () => gateway.calls.findIndex(({ body }) => body["isStoreLost"] === true);
    await until(() => {
      expect(gateway.calls.slice(firstLost()).length).toBeGreaterThanOrEqual(3);
      expect(firstLost()).not.toBe(-1);
    });
    for (const { path, body } of gateway.calls.slice(firstLost())) {
      expect([path, body]).toMatchObject([heartbeat, { isStoreLost: true, mapVersion: 7 }]);
    }
    Object.assign(engine, { stateFailure: null, isStoreLost: false });
    await until(() => {
      expect(bodies().at(-1)).toMatchObject({ mapVersion: 8 });
    });
    expect(bodies().at(-1)).not.toHaveProperty("isStoreLost");
    expect(engine.stateChanges).toBeGreaterThan(changes);
  });
});
