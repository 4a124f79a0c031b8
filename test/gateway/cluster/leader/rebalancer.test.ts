import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { heartbeatIntervalMs } from "../../../../src/core/limits.js";
import { ClusterLeader } from "../../../../src/gateway/cluster/leader/cluster-leader.js";
import { partAtOnce, settledAfterMs } from "../../../../src/gateway/cluster/leader/rebalancer.js";
import { shardsOfNode } from "../../../../src/registry/commands.js";
import { downAfterMs, Liveness, suspectAfterMs } from "../../../../src/registry/liveness.js";
import { Registry } from "../../../../src/registry/registry.js";
import { MemoryStore } from "../../../../src/registry/stores/memory-store.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { RecordLog } from "../../../support/record-log.js";
import { FakePool, idsInOrder } from "../fake-nodes.js";

const shardCount = 64;
const settledSeconds = settledAfterMs / heartbeatIntervalMs;

/** A leader that watches, and storage nodes of one store, which a test starts and kills. */
async function open({ isAutoRebalancing = true } = {}) {
  const [clock, pool, store, log] = [new FakeClock(), new FakePool(), new MemoryStore(), new RecordLog()];
  const wanted = { shardCount, clusterName: null };
  const newIds = { newClusterId: () => "c1", newLeaderId: idsInOrder() };
  const registry = await Registry.open({ store, clock, log, wanted, ...newIds });
  await registry.takeLead();
  const isStoreShared = (name: string): boolean => registry.map.nodes.get(name)?.isStoreShared === true;
  const liveness = new Liveness({ clock, suspectAfterMs, downAfterMs, isStoreShared });
  const rules = { nodesMin: 1, isAutoAssigning: true, isAutoRebalancing };
  const leader = new ClusterLeader({ registry, liveness, pool, newId: idsInOrder(), clock, log, ...rules });
  leader.start();
  const starts = new Map<string, string[]>();
  const beating = new Set<string>();
  return {
    leader,
    pool,
    store,
    log,
    async start(id: string): Promise<void> {
      const earlier = starts.get(id) ?? [];
      const incarnation = `${id}-${earlier.length + 1}`;
      starts.set(id, [incarnation, ...earlier]);
      pool.client(id).isDown = false;
      const identity = { incarnation, starts: [incarnation, ...earlier], storeId: "store", isStoreShared: true };
      pool.client(id).accept(await leader.register({ id, url: `http://${id}:1`, shards: [], ...identity }));
      beating.add(id);
    },
    kill(id: string): void {
      beating.delete(id);
      pool.client(id).isDown = true;
    },
    isRunning: (id: string): boolean => beating.has(id),
    async seconds(count: number): Promise<void> {
      for (let second = 0; second < count; second++) {
        for (const id of beating) await leader.heartbeat(id, { incarnation: starts.get(id)?.[0] ?? "" });
        await clock.advance(heartbeatIntervalMs);
        await settle();
      }
    },
    loads: (...ids: readonly string[]) => ids.map((id) => shardsOfNode(leader.map, id).length),
  };
}

describe("Rebalancer", () => {
  it("gives a storage node its share once it has been up for a while, some shards each second", async () => {
    const { start, seconds, loads, leader } = await open();
    await start("a");
    await seconds(2 * settledSeconds);
    await start("b");
    await seconds(settledSeconds - 1);
    expect(loads("a", "b")).toEqual([shardCount, 0]);
    await seconds(3);
    const [, given = 0] = loads("a", "b");
    expect(given).toBeGreaterThan(0);
    expect(given).toBeLessThanOrEqual(3 * shardCount * partAtOnce);
    await seconds(shardCount);
    expect(loads("a", "b")).toEqual([shardCount / 2, shardCount / 2]);
    const { version } = leader.map;
    await seconds(60);
    expect(leader.map.version).toBe(version);
    await leader.stop();
  });

  it("moves no shard without automatic rebalancing", async () => {
    const { start, seconds, loads, leader } = await open({ isAutoRebalancing: false });
    await start("a");
    await start("b");
    await seconds(3 * settledSeconds);
    expect(loads("a", "b")).toEqual([shardCount, 0]);
    await leader.stop();
  });

  it("gives nothing to a storage node that does not answer the leader, though its heartbeats arrive", async () => {
    const { start, seconds, loads, leader, pool } = await open();
    for (const id of ["a", "b", "c"]) await start(id);
    pool.client("b").isDown = true;
    await seconds(3 * settledSeconds + shardCount);
    expect(loads("a", "b", "c")).toEqual([shardCount / 2, 0, shardCount / 2]);
    await leader.stop();
  });

  it("tries again after the registry could not store the change", async () => {
    const { start, seconds, loads, leader, store, log } = await open();
    for (const id of ["a", "b"]) await start(id);
    await seconds(settledSeconds);
    store.injectFault("writeFails");
    await seconds(3);
    expect(log.lines.filter(({ message }) => message.includes("did not get its share"))).toHaveLength(1);
    await seconds(shardCount);
    expect(loads("a", "b")).toEqual([shardCount / 2, shardCount / 2]);
    await leader.stop();
  });

  it("does not flap while storage nodes come and go: one that was not up for long enough gets nothing, and calm ends all changes", async () => {
    const events = fc.array(
      fc.record({ id: fc.constantFrom("b", "c", "d"), seconds: fc.integer({ min: 1, max: settledSeconds - 2 }) }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(events, async (sequence) => {
        const { start, kill, isRunning, seconds, loads, leader } = await open();
        await start("a");
        await seconds(settledSeconds + 1);
        for (const { id, seconds: passing } of sequence) {
          // Each one that is up goes again before it has settled.
          if (isRunning(id)) kill(id);
          else await start(id);
          await seconds(passing);
          for (const other of ["b", "c", "d"]) if (isRunning(other)) kill(other);
          await seconds(1);
        }
        expect(loads("a", "b", "c", "d")).toEqual([shardCount, 0, 0, 0]);
        for (const id of ["b", "c"]) await start(id);
        await seconds(settledSeconds + shardCount);
        const calm = loads("a", "b", "c");
        expect(Math.max(...calm) - Math.min(...calm)).toBeLessThanOrEqual(1);
        const { version } = leader.map;
        await seconds(30);
        expect(leader.map.version).toBe(version);
        await leader.stop();
      }),
      { numRuns: 8 },
    );
  });
});
