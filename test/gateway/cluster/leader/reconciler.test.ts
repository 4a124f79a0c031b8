/** The reconciler over storage nodes whose calls the test answers, and over a map that the test changes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { heartbeatIntervalMs } from "../../../../src/core/limits.js";
import { Reconciler, assignmentsRetryMsMax } from "../../../../src/gateway/cluster/leader/reconciler.js";
import type { ClusterMap } from "../../../../src/registry/cluster-map.js";
import { applyCommand, createClusterMap, type RegistryCommand } from "../../../../src/registry/commands.js";
import type { NodeState } from "../../../../src/registry/liveness.js";
import { assignmentsOf } from "../../../../src/routing/node-assignments.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { RecordLog } from "../../../support/record-log.js";

interface Call {
  readonly node: string;
  readonly map: ClusterMap;
  answer(): void;
  fail(): void;
}

function after(map: ClusterMap, command: RegistryCommand): ClusterMap {
  return applyCommand(map, command, 0).map;
}

/** Four shards; nodes a and b own two of each, c none. */
class Cluster {
  readonly clock = new FakeClock();
  readonly log = new RecordLog();
  readonly states = new Map<string, NodeState>();
  /** All calls so far; those to nodes of `holds` wait for the test. */
  readonly calls: Call[] = [];
  readonly holds = new Set<string>();
  readonly failing = new Set<string>();
  map: ClusterMap;
  readonly reconciler: Reconciler;

  constructor() {
    this.map = createClusterMap({ clusterId: "c1", clusterName: "test", shardCount: 4 });
    for (const name of ["a", "b", "c"]) {
      this.map = after(this.map, {
        kind: "registerNode",
        name,
        url: `http://${name}`,
        identity: null,
        newMark: "mark",
      });
    }
    this.map = after(this.map, { kind: "assignUnassigned", liveNodes: ["a", "b"], held: [] });
    this.reconciler = new Reconciler(this.map, {
      nodeState: (name) => this.states.get(name) ?? "UP",
      calls: { assign: (node, map) => this.#assign(node, map) },
      clock: this.clock,
      log: this.log,
    });
  }

  /** "node version", in the order of the calls. */
  get sent(): readonly string[] {
    return this.calls.map(({ node, map }) => `${node} ${map.version}`);
  }

  call(index: number): Call {
    const call = this.calls[index];
    if (call === undefined) throw new Error(`There was no call ${index}.`);
    return call;
  }

  adopt(map: ClusterMap): ClusterMap {
    this.map = map;
    this.reconciler.mapChanged(map);
    return map;
  }

  give(shard: number, node: string): ClusterMap {
    return this.adopt(this.given(shard, node));
  }

  given(shard: number, node: string, map = this.map): ClusterMap {
    return after(map, { kind: "assign", shard, node, ifEpoch: null, isForced: true, cause: "operator" });
  }

  #assign(node: string, map: ClusterMap): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error(`${node} does not answer.`));
      this.calls.push({ node, map, answer: resolve, fail });
      if (this.failing.has(node)) fail();
      else if (!this.holds.has(node)) resolve();
    });
  }
}

/** Whether the promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await settle();
  return settled;
}

describe("the reconciler", () => {
  it("sends a change to the former owner first, and to the new one once that has answered", async () => {
    const cluster = new Cluster();
    cluster.holds.add("a");
    const map = cluster.give(0, "c");
    const done = cluster.reconciler.settled(map);
    expect(await isSettled(done)).toBe(false);
    expect(cluster.sent).toEqual([`a ${map.version}`]);
    cluster.call(0).answer();
    await done;
    expect(cluster.sent).toEqual([`a ${map.version}`, `c ${map.version}`]);
  });

  it("does not hold up a new owner for a former owner that fails, nor for one of other shards that hangs", async () => {
    const cluster = new Cluster();
    cluster.holds.add("a");
    cluster.give(0, "b");
    await settle();
    const { version } = cluster.give(2, "c");
    await settle();
    expect(cluster.sent).toEqual([`a ${version - 1}`, `b ${version}`, `c ${version}`]);
    cluster.call(0).fail();
    expect(await isSettled(cluster.reconciler.settled(cluster.map))).toBe(true);
  });

  it("sends a storage node one map at a time, and after it the newest only", async () => {
    const cluster = new Cluster();
    cluster.holds.add("a");
    const first = cluster.give(0, "c");
    await settle();
    for (const [shard, node] of [
      [0, "a"],
      [1, "c"],
      [1, "a"],
    ] as const)
      cluster.give(shard, node);
    await settle();
    const toFirst = () => cluster.calls.filter(({ node }) => node === "a").map(({ map }) => map.version);
    expect(toFirst()).toEqual([first.version]);
    cluster.call(0).answer();
    await settle();
    expect(toFirst()).toEqual([first.version, first.version + 3]);
  });

  it("sends nothing to storage nodes that a change does not concern", async () => {
    const cluster = new Cluster();
    await cluster.reconciler.settled(cluster.give(0, "c"));
    expect(cluster.calls.map(({ node }) => node)).toEqual(["a", "c"]);
    await cluster.reconciler.retry();
    expect(cluster.calls).toHaveLength(2);
  });

  it("tries again what failed without a further change, after ever longer pauses up to the longest", async () => {
    const cluster = new Cluster();
    cluster.failing.add("c");
    await cluster.reconciler.settled(cluster.give(0, "c"));
    const tries = () => cluster.calls.filter(({ node }) => node === "c").length;
    const pauses: number[] = [];
    let lastMs = 0;
    for (let tick = 1; tick <= 40; tick++) {
      await cluster.clock.advance(heartbeatIntervalMs);
      const before = tries();
      await cluster.reconciler.retry();
      if (tries() === before) continue;
      pauses.push(tick * heartbeatIntervalMs - lastMs);
      lastMs = tick * heartbeatIntervalMs;
    }
    expect(pauses).toEqual([1, 2, 4, 8, 8, 8, 8].map((beats) => beats * heartbeatIntervalMs));
    expect(Math.max(...pauses)).toBe(assignmentsRetryMsMax);
    expect(cluster.log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
    cluster.failing.clear();
    await cluster.clock.advance(assignmentsRetryMsMax);
    await cluster.reconciler.retry();
    await cluster.reconciler.retry();
    expect(cluster.sent.at(-1)).toBe(`c ${cluster.map.version}`);
    expect(tries()).toBe(1 + pauses.length + 1);
  });

  it("tries at once a storage node that gives a sign of life and still lacks its assignments", async () => {
    const cluster = new Cluster();
    cluster.failing.add("c");
    const { version } = cluster.give(0, "c");
    await cluster.reconciler.settled(cluster.map);
    cluster.reconciler.said("c", version - 1);
    cluster.failing.clear();
    await cluster.reconciler.retry();
    expect(cluster.sent).toEqual([`a ${version}`, `c ${version}`, `c ${version}`]);
  });

  it("sends nothing more once the storage node says that it has them, although no answer came", async () => {
    const cluster = new Cluster();
    cluster.failing.add("c");
    const { version } = cluster.give(0, "c");
    await cluster.reconciler.settled(cluster.map);
    cluster.reconciler.said("c", version);
    await cluster.clock.advance(assignmentsRetryMsMax);
    await cluster.reconciler.retry();
    expect(cluster.calls).toHaveLength(2);
  });

  it("leaves out a storage node that is DOWN until it gives a sign of life", async () => {
    const cluster = new Cluster();
    cluster.states.set("a", "DOWN");
    const { version } = cluster.give(0, "c");
    await cluster.reconciler.settled(cluster.map);
    await cluster.reconciler.retry();
    expect(cluster.sent).toEqual([`c ${version}`]);
    cluster.states.set("a", "UP");
    await cluster.reconciler.retry();
    expect(cluster.sent).toEqual([`c ${version}`, `a ${version}`]);
  });

  it("sends nothing while the registry is being restored, and afterwards what changed meanwhile", async () => {
    const cluster = new Cluster();
    const putBack = { mark: "m1", waiting: [], claims: new Map() };
    cluster.adopt({ ...cluster.map, version: cluster.map.version + 1, putBack });
    cluster.adopt({ ...cluster.given(0, "c", { ...cluster.map, putBack: null }), putBack });
    await cluster.reconciler.doubt("b");
    await cluster.reconciler.retry();
    expect(cluster.sent).toEqual([]);
    const { version } = cluster.adopt({ ...cluster.map, version: cluster.map.version + 1, putBack: null });
    await cluster.reconciler.settled(cluster.map);
    expect(cluster.sent.toSorted()).toEqual(["a", "b", "c"].map((node) => `${node} ${version}`));
  });

  it("sends nothing to a storage node that gets an answer of its own meanwhile", async () => {
    const cluster = new Cluster();
    const answer = await cluster.reconciler.answering("c", async () => {
      await cluster.reconciler.settled(cluster.give(0, "c"));
      return assignmentsOf(cluster.map, "c");
    });
    await cluster.reconciler.retry();
    expect(cluster.sent).toEqual([`a ${answer.mapVersion}`]);
    const refused = cluster.reconciler.answering("c", async () => {
      cluster.give(1, "c");
      throw new Error("Refused.");
    });
    await expect(refused).rejects.toThrow("Refused.");
    await cluster.reconciler.retry();
    expect(cluster.sent.at(-1)).toBe(`c ${cluster.map.version}`);
  });

  it("sends nothing to a newcomer that registers, also when the map changes for others before it is in it", async () => {
    const cluster = new Cluster();
    const answer = await cluster.reconciler.answering("d", async () => {
      await cluster.reconciler.settled(cluster.give(0, "c"));
      const identity = null;
      cluster.adopt(
        after(cluster.map, { kind: "registerNode", name: "d", url: "http://d", identity, newMark: "mark" }),
      );
      await cluster.reconciler.settled(cluster.give(1, "d"));
      return assignmentsOf(cluster.map, "d");
    });
    await cluster.reconciler.retry();
    const { mapVersion } = answer;
    expect(cluster.sent.toSorted()).toEqual([`a ${mapVersion - 2}`, `a ${mapVersion}`, `c ${mapVersion - 2}`]);
  });

  it("sends a doubtful storage node its assignments although it said that it has them, once for all who doubt", async () => {
    const cluster = new Cluster();
    const { version } = cluster.map;
    cluster.reconciler.said("a", version);
    cluster.states.set("a", "DOWN");
    await Promise.all(Array.from({ length: 20 }, () => cluster.reconciler.doubt("a")));
    await cluster.reconciler.doubt("not registered");
    expect(cluster.sent).toEqual([`a ${version}`]);
  });

  it("sends nothing any more once it is stopped, and waits for what is on its way", async () => {
    const cluster = new Cluster();
    cluster.holds.add("a");
    cluster.give(0, "c");
    await settle();
    const stopped = cluster.reconciler.stop();
    expect(await isSettled(stopped)).toBe(false);
    cluster.call(0).answer();
    await stopped;
    await cluster.reconciler.doubt("b");
    expect(cluster.calls).toHaveLength(1);
  });

  const nodes = ["a", "b", "c"] as const;
  const step = fc.oneof(
    fc.record({ kind: fc.constant("give"), shard: fc.nat(3), node: fc.constantFrom(...nodes) } as const),
    fc.record({ kind: fc.constant("break"), node: fc.constantFrom(...nodes) } as const),
    fc.record({ kind: fc.constant("mend"), node: fc.constantFrom(...nodes) } as const),
    fc.record({ kind: fc.constant("down"), node: fc.constantFrom(...nodes) } as const),
    fc.record({ kind: fc.constant("up"), node: fc.constantFrom(...nodes) } as const),
    fc.record({ kind: fc.constant("sayOld"), node: fc.constantFrom(...nodes) } as const),
    fc.record({ kind: fc.constant("tick") } as const),
  );

  it("brings every storage node that answers in the end to the newest map, whatever was lost before", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const cluster = new Cluster();
        const before = new Map(nodes.map((name) => [name, assignmentsOf(cluster.map, name).shards]));
        for (const taken of steps) {
          if (taken.kind === "give") cluster.give(taken.shard, taken.node);
          else if (taken.kind === "break") cluster.failing.add(taken.node);
          else if (taken.kind === "mend") cluster.failing.delete(taken.node);
          else if (taken.kind === "down") cluster.states.set(taken.node, "DOWN");
          else if (taken.kind === "up") cluster.states.delete(taken.node);
          else if (taken.kind === "sayOld") cluster.reconciler.said(taken.node, 1);
          else await cluster.clock.advance(heartbeatIntervalMs).then(() => cluster.reconciler.retry());
          await settle();
        }
        cluster.failing.clear();
        cluster.states.clear();
        const failures = cluster.calls.length;
        await cluster.clock.advance(assignmentsRetryMsMax);
        await cluster.reconciler.retry();
        for (const name of nodes) {
          const wanted = assignmentsOf(cluster.map, name).shards;
          const last = cluster.calls.findLast(({ node }) => node === name);
          const has = last === undefined ? before.get(name) : assignmentsOf(last.map, name).shards;
          expect([name, has]).toEqual([name, wanted]);
        }
        expect(cluster.calls.length - failures).toBeLessThanOrEqual(nodes.length);
      }),
    );
  });
});
