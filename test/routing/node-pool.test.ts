import { describe, expect, it, vi } from "vitest";
import { breakerOpenMs, connectTimeoutMs } from "../../src/core/limits.js";
import { MemoryNodeClient } from "../../src/routing/node-client/memory-node-client.js";
import { NodeFault, PlainNodeFault, type MapFacts } from "../../src/routing/node-client/node-client.js";
import { NodePool, type NodePlace } from "../../src/routing/node-pool.js";
import { silentObserver, type RoutingObserver } from "../../src/routing/observer.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { mapOf, MemoryCluster } from "../support/memory-cluster.js";
import { get, put, routed } from "../support/operations.js";
import { RecordLog } from "../support/record-log.js";
import { tellingAttemptMs } from "../../src/routing/node-client/node-blame.js";
import { breakerFailuresMax } from "../../src/routing/mailbox/breaker.js";

const refusedConnection = {
  fault: new NodeFault("connectionRefused", "storage node node1 (http://node1:1) refused the connection", true),
};

function open(observer: Partial<RoutingObserver> = {}) {
  const cluster = new MemoryCluster({}, { ...silentObserver, ...observer });
  const send = (key = "a") => cluster.until(cluster.executeAt("node1", [routed(get(key))], cluster.context()));
  /** Fails until the breaker is open, and keeps failing. */
  const breakNode = async () => {
    cluster.node("node1").injectFault = () => refusedConnection;
    for (let failure = 0; failure < breakerFailuresMax; failure++) await send();
    expect(cluster.pool.figures("node1").breaker).toBe("open");
  };
  const repairNode = () => (cluster.node("node1").injectFault = () => null);
  return { cluster, send, breakNode, repairNode };
}

describe("NodePool", () => {
  it("has no figures of a storage node that was never asked", () => {
    expect(open().cluster.pool.figures("node1")).toEqual({ latencyMs: null, breaker: "closed", queued: 0 });
  });

  it("smooths the latency of batches", async () => {
    const { cluster, send } = open();
    await send();
    expect(cluster.pool.figures("node1").latencyMs).toBe(0);
    cluster.node("node1").hold();
    const outcomes = cluster.executeAt("node1", [routed(get("a"))], cluster.context());
    await cluster.clock.advance(100);
    expect(cluster.pool.figures("node1")).toMatchObject({ queued: 0 });
    cluster.node("node1").release();
    await outcomes;
    expect(cluster.pool.figures("node1").latencyMs).toBe(20);
  });

  it("knows when a storage node last answered, and tells once which have refused connections since", async () => {
    const { cluster, send, repairNode } = open();
    const { pool, clock } = cluster;
    expect([pool.lastServedMs("node1"), pool.takeRefused()]).toEqual([null, []]);
    await clock.advance(700);
    await send();
    const answeredMs = 700;
    expect([pool.lastServedMs("node1"), pool.takeRefused()]).toEqual([answeredMs, []]);
    await clock.advance(50);
    cluster.node("node1").injectFault = () => refusedConnection;
    await send();
    expect(pool.lastServedMs("node1")).toBe(answeredMs);
    expect(pool.takeRefused()).toEqual(["node1"]);
    expect(pool.takeRefused()).toEqual([]);
    // What was answered since is no evidence against the storage node.
    await send();
    repairNode();
    await send();
    expect(pool.takeRefused()).toEqual([]);
    cluster.node("node1").injectFault = () => ({ fault: new NodeFault("timeout", "node1 was silent", false) });
    await send();
    expect(pool.takeRefused()).toEqual([]);
  });

  it("does not take a storage node for serving that refuses every operation, as one without an acknowledged start does", async () => {
    const { cluster, send } = open();
    const { pool, clock } = cluster;
    await send();
    const servedMs = pool.lastServedMs("node1");
    expect(servedMs).not.toBeNull();
    await clock.advance(500);
    const foreign = { clusterId: "another", shardCount: 4, mapVersion: 1, shards: [] };
    await cluster.until(cluster.node("node1").assign(foreign, { timeoutMs: 1_000 }));
    cluster.node("node1").callerClusterId = "c1";
    await send();
    expect(pool.lastServedMs("node1")).toBe(servedMs);
  });

  it("reports each refused connection at once, until it is asked to stop", async () => {
    const { cluster, send } = open();
    const reported: string[] = [];
    const stop = cluster.pool.onRefused((node) => reported.push(node));
    await send();
    cluster.node("node1").injectFault = () => refusedConnection;
    await send();
    expect(reported).toEqual(["node1"]);
    await send();
    expect(reported).toEqual(["node1", "node1"]);
    stop();
    await send();
    expect(reported).toHaveLength(2);
  });

  it("refuses operations for a storage node that is not registered", async () => {
    const { cluster } = open();
    const outcomes = await cluster.executeAt("node9", [routed(put("a", "1"))], cluster.context());
    expect(outcomes).toMatchObject([
      { code: "SHARD_UNAVAILABLE", message: expect.stringContaining("node9 is not registered") },
    ]);
    expect(() => cluster.pool.client("node9")).toThrow("Storage node node9 is not registered.");
    cluster.pool.reachable("node9");
  });

  it("probes a storage node that is not registered, and closes its client", async () => {
    const client = new MemoryNodeClient(new FakeClock(), "plain");
    const close = vi.spyOn(client, "close");
    const places: NodePlace[] = [];
    const pool = new NodePool({
      clock: new FakeClock(),
      random: () => 0,
      utilization: () => 1,
      log: new RecordLog(),
      observer: silentObserver,
      map: () => mapOf(),
      createClient(place) {
        places.push(place);
        return client;
      },
    });
    const place = { name: "node9", url: "http://node9:1" };
    expect(await pool.probeAt(place, { timeoutMs: 1 })).toMatchObject({ kind: "plain", clusterId: null });
    client.failNext(refusedConnection);
    await expect(pool.probeAt(place, { timeoutMs: 1 })).rejects.toBe(refusedConnection.fault);
    expect(places).toEqual([place, place]);
    expect(close).toHaveBeenCalledTimes(2);
  });

  it("tells a client its cluster, and whether its storage node may be a plain one", () => {
    let map = mapOf();
    const facts: MapFacts[] = [];
    const pool = new NodePool({
      clock: new FakeClock(),
      random: () => 0,
      utilization: () => 1,
      log: new RecordLog(),
      observer: silentObserver,
      map: () => map,
      createClient(_place, of) {
        facts.push(of);
        return new MemoryNodeClient(new FakeClock());
      },
    });
    pool.client("node1");
    expect(facts.map(({ clusterId, mayBePlain }) => [clusterId(), mayBePlain()])).toEqual([["cluster", true]]);
    const change = (more: object): void => {
      const record = map.nodes.get("node1");
      if (record !== undefined) map = { ...map, clusterId: "c2", nodes: new Map([["node1", { ...record, ...more }]]) };
    };
    change({ lastStart: "s1" });
    expect(facts.map(({ clusterId, mayBePlain }) => [clusterId(), mayBePlain()])).toEqual([["c2", false]]);
    change({ lastStart: null, isLossAccepted: true });
    expect(facts[0]?.mayBePlain()).toBe(false);
    map = { ...map, nodes: new Map() };
    expect(facts[0]?.mayBePlain()).toBe(true);
  });

  it("returns the client itself", () => {
    const { cluster } = open();
    expect(cluster.pool.client("node1")).toBe(cluster.node("node1"));
  });

  it("reports to its observer what it sends, and what returns", async () => {
    const events: unknown[] = [];
    const note = (name: string) => (event: object) => void events.push([name, event]);
    const names = ["batchSent", "batchAnswered", "batchFailed", "breakerChanged"] as const;
    const { send, cluster } = open(Object.fromEntries(names.map((name) => [name, note(name)])));
    await cluster.until(cluster.executeAt("node1", [routed(put("a", `"ä"`))], cluster.context()));
    cluster.node("node1").failNext(refusedConnection);
    await send();
    expect(events).toEqual([
      ["batchSent", { node: "node1", operations: 1, bytes: 4, waitMs: 0 }],
      ["batchAnswered", { node: "node1", operations: 1, serviceMs: 0 }],
      ["batchSent", { node: "node1", operations: 1, bytes: 0, waitMs: 0 }],
      ["batchFailed", { node: "node1", reason: "connectionRefused" }],
    ]);
  });

  it("gives each operation its own meaning of a plain storage node's failure", async () => {
    const { cluster } = open();
    const outcomes = [{ kind: "refused", code: "OUTCOME_UNKNOWN", message: "It may have been." }] as const;
    cluster.node("node1").failNext({ fault: new PlainNodeFault(refusedConnection.fault, outcomes) });
    expect(await cluster.until(cluster.executeAt("node1", [routed(put("a", "1"))], cluster.context()))).toEqual(
      outcomes,
    );
  });

  it("shortens a long key in messages", async () => {
    const { cluster } = open();
    cluster.node("node1").failNext({ fault: new NodeFault("timeout", "node1 did not answer in time", false) });
    const outcomes = cluster.executeAt("node1", [routed(put("k".repeat(1000), "1"))], cluster.context());
    expect(await cluster.until(outcomes)).toMatchObject([
      { message: expect.stringContaining(`key "${"k".repeat(64)}…" in`) },
    ]);
  });

  it("needs one timer for the deadlines of all storage nodes, and only while something waits", async () => {
    const { cluster } = open();
    for (const node of cluster.nodes.values()) node.hold();
    const waiting = [...cluster.nodes.keys()].map((name) => {
      return cluster.executeAt(name, [routed(get("a"))], cluster.context(100));
    });
    // The timer is for operations not sent yet: clients have timers of their own.
    expect(cluster.clock.pendingTimers).toBe(1);
    await cluster.clock.advance(100);
    expect((await Promise.all(waiting)).flat()).toMatchObject([
      { message: expect.stringContaining("node1 (http://node1:1) did not answer in time") },
      { message: expect.stringContaining("node2 (http://node2:1) did not answer in time") },
      { message: expect.stringContaining("node3 (http://node3:1) did not answer in time") },
    ]);
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  it("treats a client that throws as a missing answer, and continues", async () => {
    const { cluster, send } = open();
    vi.spyOn(cluster.node("node1"), "execute").mockImplementationOnce(() => {
      throw new TypeError("bug");
    });
    expect(await send()).toMatchObject([{ message: expect.stringContaining("could not be understood") }]);
    expect(await send()).toEqual([{ kind: "notFound" }]);
  });

  it("treats a bug as a missing answer, and logs it", async () => {
    const { cluster } = open();
    vi.spyOn(cluster.node("node1"), "execute").mockRejectedValue(new TypeError("bug"));
    const outcomes = cluster.executeAt("node1", [routed(get("a")), routed(put("a", "1"))], cluster.context());
    expect(await cluster.until(outcomes)).toMatchObject([{ code: "SHARD_UNAVAILABLE" }, { code: "OUTCOME_UNKNOWN" }]);
    expect(cluster.log.lines).toMatchObject([{ level: "error", facts: { node: "node1" } }]);
  });
});

describe("NodePool's breaker", () => {
  it("refuses at once after failures in a row, with the reason, without calling the node", async () => {
    const states: string[] = [];
    const { cluster, breakNode } = open({ breakerChanged: ({ state }) => states.push(state) });
    await breakNode();
    const before = cluster.node("node1").batches.length;
    const outcomes = await cluster.executeAt("node1", [routed(put("a", "1"))], cluster.context());
    expect(outcomes).toEqual([
      {
        kind: "refused",
        code: "SHARD_UNAVAILABLE",
        message: `Shard ${get("a").shard} is unavailable: storage node node1 (http://node1:1) refused the connection, and is not called for a moment.`,
      },
    ]);
    expect(cluster.node("node1").batches).toHaveLength(before);
    expect(states).toEqual(["open"]);
    expect(cluster.log.lines.at(-1)).toMatchObject({
      level: "warn",
      facts: { node: "node1", cause: expect.anything() },
    });
  });

  it("refuses waiting operations when it opens", async () => {
    const { cluster } = open();
    const write = (value: string) => cluster.executeAt("node1", [routed(put("a", value))], cluster.context(100));
    cluster.node("node1").hold();
    const inFlight = write("1");
    await settle();
    // These wait for the first write of their key, which hangs.
    const waiting = [write("2"), write("3")];
    cluster.node("node1").injectFault = () => refusedConnection;
    for (let failure = 0; failure < breakerFailuresMax; failure++) {
      expect(cluster.pool.figures("node1")).toMatchObject({ breaker: "closed", queued: 2 });
      const read = cluster.executeAt("node1", [routed(get("b"))], cluster.context());
      await cluster.clock.advance(10);
      await read;
    }
    expect(cluster.pool.figures("node1")).toMatchObject({ breaker: "open", queued: 0 });
    expect((await Promise.all(waiting)).flat()).toMatchObject([
      { code: "SHARD_UNAVAILABLE" },
      { code: "SHARD_UNAVAILABLE" },
    ]);
    expect(await cluster.until(inFlight)).toMatchObject([{ code: "OUTCOME_UNKNOWN" }]);
  });

  it("is not opened by refusals, conflicts or other outcomes of the node's own", async () => {
    const { cluster } = open();
    await cluster.node("node1").assign({ clusterId: "c", shardCount: 4, mapVersion: 1, shards: [] }, { timeoutMs: 1 });
    for (let round = 0; round < breakerFailuresMax + 1; round++) {
      const outcomes = cluster.executeAt("node1", [routed(get("a"), 5)], cluster.context());
      expect(await cluster.until(outcomes)).toMatchObject([{ code: "SHARD_NOT_HOSTED" }]);
    }
    expect(cluster.pool.figures("node1").breaker).toBe("closed");
  });

  it("is not opened by failures with an answer in between", async () => {
    const { cluster, send } = open();
    for (let round = 0; round < breakerFailuresMax; round++) {
      cluster.node("node1").failNext(refusedConnection, breakerFailuresMax - 1);
      for (let failure = 0; failure < breakerFailuresMax; failure++) await send();
    }
    expect(cluster.pool.figures("node1").breaker).toBe("closed");
  });

  it.each(["aborted", "answerTooLarge", "slowAnswer", "requestFailed", "noConnection"] as const)(
    "is not opened by faults that are not the storage node's: %s",
    async (reason) => {
      const { cluster, send } = open();
      cluster.node("node1").injectFault = () => ({ fault: new NodeFault(reason, "it was given up", false) });
      for (let failure = 0; failure < breakerFailuresMax + 1; failure++) await send();
      expect(cluster.pool.figures("node1").breaker).toBe("closed");
    },
  );

  it("is opened by the first answer that the storage node is draining, and refuses waiting operations", async () => {
    const { cluster, send } = open();
    const message = "storage node node1 answered DRAINING (The storage node is stopping)";
    cluster.node("node1").failNext({ fault: new NodeFault("draining", message, true) }, 1);
    expect(await send()).toMatchObject([{ kind: "refused", message: expect.stringContaining("DRAINING") }]);
    expect(cluster.pool.figures("node1").breaker).toBe("open");
    expect(await send()).toMatchObject([{ kind: "refused", message: expect.stringContaining("DRAINING") }]);
  });

  it("is not opened by bugs of the gateway", async () => {
    const { cluster, send } = open();
    vi.spyOn(cluster.node("node1"), "execute").mockRejectedValue(new TypeError("bug"));
    for (let failure = 0; failure < breakerFailuresMax + 1; failure++) await send();
    expect(cluster.pool.figures("node1").breaker).toBe("closed");
  });

  it("is opened by a storage node that is silent for whole attempts, and not by deadlines that were nearly over", async () => {
    const { cluster } = open();
    const silent = { fault: new NodeFault("timeout", "node1 did not answer in time", false) };
    cluster.node("node1").injectFault = () => silent;
    const failWithin = async (forMs: number): Promise<void> => {
      for (let failure = 0; failure < breakerFailuresMax; failure++) {
        await cluster.until(cluster.executeAt("node1", [routed(get("a"))], cluster.context(forMs)));
      }
    };
    await failWithin(tellingAttemptMs - 1);
    expect(cluster.pool.figures("node1").breaker).toBe("closed");
    await failWithin(tellingAttemptMs);
    expect(cluster.pool.figures("node1").breaker).toBe("open");
  });

  it("is not opened after a sign of life by the failure of an earlier batch", async () => {
    const { cluster, send, breakNode, repairNode } = open();
    const node = cluster.node("node1");
    let fail: (fault: NodeFault) => void = () => {};
    vi.spyOn(node, "execute").mockImplementationOnce(() => new Promise((_, reject) => (fail = reject)));
    const early = cluster.executeAt("node1", [routed(get("early"))], cluster.context());
    await settle();
    await breakNode();
    repairNode();
    await cluster.clock.advance(1);
    cluster.pool.reachable("node1");
    fail(refusedConnection.fault);
    await early;
    expect(cluster.pool.figures("node1").breaker).toBe("halfOpen");
    expect(await send()).toEqual([{ kind: "notFound" }]);
    expect(cluster.pool.figures("node1").breaker).toBe("closed");
  });

  it("has the node probed after its pause, while requests are still refused at once", async () => {
    const { cluster, breakNode, send, repairNode } = open();
    await breakNode();
    repairNode();
    const probe = vi.spyOn(cluster.node("node1"), "probe");
    await cluster.clock.advance(breakerOpenMs / 2);
    expect(await send()).toMatchObject([{ kind: "refused" }]);
    expect(probe).not.toHaveBeenCalled();
    await cluster.clock.advance(breakerOpenMs / 2);
    expect(await cluster.executeAt("node1", [routed(get("a"))], cluster.context())).toMatchObject([
      { kind: "refused" },
    ]);
    expect(probe).toHaveBeenCalledExactlyOnceWith({ timeoutMs: connectTimeoutMs });
    await settle();
    expect(cluster.pool.figures("node1").breaker).toBe("halfOpen");
    expect(await send()).toEqual([{ kind: "notFound" }]);
    expect(cluster.pool.figures("node1").breaker).toBe("closed");
    expect(cluster.log.lines.findLast(({ level }) => level !== "debug")).toMatchObject({ level: "info" });
  });

  it("never makes a request wait for a node that hangs, and probes it occasionally", async () => {
    const { cluster, breakNode } = open();
    await breakNode();
    cluster.node("node1").injectFault = () => null;
    cluster.node("node1").hold();
    const probe = vi.spyOn(cluster.node("node1"), "probe");
    await cluster.clock.advance(breakerOpenMs);
    for (let request = 0; request < 20; request++) {
      const sentAtMs = cluster.clock.monotonicMs();
      await cluster.executeAt("node1", [routed(get("a"))], cluster.context());
      expect(cluster.clock.monotonicMs()).toBe(sentAtMs);
      await cluster.clock.advance(breakerOpenMs / 10);
    }
    expect(probe.mock.calls.length).toBeGreaterThanOrEqual(2);
    expect(probe.mock.calls.length).toBeLessThanOrEqual(3);
    expect(cluster.pool.figures("node1").breaker).toBe("open");
  });

  it("lets one batch through after a sign of life, and gathers the others meanwhile", async () => {
    const { cluster, breakNode, repairNode } = open();
    await breakNode();
    repairNode();
    cluster.pool.reachable("node1");
    expect(cluster.pool.figures("node1").breaker).toBe("halfOpen");
    const node = cluster.node("node1");
    const before = node.batches.length;
    node.hold();
    const all = [];
    for (let request = 0; request < 5; request++) {
      all.push(cluster.executeAt("node1", [routed(get(`key-${request}`))], cluster.context()));
      await cluster.clock.advance(10);
    }
    expect(node.batches.length - before).toBe(1);
    node.release();
    expect((await cluster.until(Promise.all(all))).flat()).toEqual(
      Array.from({ length: 5 }, () => ({ kind: "notFound" })),
    );
    expect(cluster.pool.figures("node1").breaker).toBe("closed");
  });

  it("opens again when that batch fails", async () => {
    const { cluster, breakNode, send } = open();
    await breakNode();
    cluster.pool.reachable("node1");
    await send();
    expect(cluster.pool.figures("node1").breaker).toBe("open");
  });
});

describe("NodePool, when the cluster map changes", () => {
  it("drops a storage node that was removed, once its batches in flight have returned", async () => {
    const { cluster } = open();
    const node = cluster.node("node1");
    const close = vi.spyOn(node, "close");
    node.hold();
    const inFlight = cluster.executeAt("node1", [routed(put("a", "1"))], cluster.context());
    await settle();
    const waiting = cluster.executeAt("node1", [routed(put("a", "2"))], cluster.context());
    cluster.map = mapOf({ nodes: ["node2", "node3"] });
    cluster.pool.prune();
    expect(await waiting).toMatchObject([
      { message: expect.stringMatching(/node1 \(http:\/\/node1:1\) was removed\.$/) },
    ]);
    expect(close).not.toHaveBeenCalled();
    node.release();
    expect(await inFlight).toMatchObject([{ kind: "written" }]);
    expect(close).toHaveBeenCalledOnce();
  });

  it("creates a new client for a storage node with a new URL, and keeps the others", async () => {
    const { cluster, send } = open();
    await send();
    const [one, two] = [vi.spyOn(cluster.node("node1"), "close"), vi.spyOn(cluster.node("node2"), "close")];
    cluster.pool.client("node2");
    cluster.map = mapOf({ url: (node) => (node === "node1" ? "http://elsewhere:1" : `http://${node}:1`) });
    cluster.pool.prune();
    expect(one).toHaveBeenCalledOnce();
    expect(two).not.toHaveBeenCalled();
    expect(cluster.pool.figures("node1").latencyMs).toBeNull();
    expect(await send()).toEqual([{ kind: "notFound" }]);
  });

  it("refuses waiting operations and aborts batches in flight when it is closed", async () => {
    const { cluster } = open();
    cluster.node("node1").hold();
    const inFlight = cluster.executeAt("node1", [routed(put("a", "1"))], cluster.context());
    await settle();
    const waiting = cluster.executeAt("node1", [routed(put("a", "2"))], cluster.context());
    await cluster.pool.close();
    expect(await waiting).toMatchObject([{ code: "SHARD_UNAVAILABLE" }]);
    expect(await inFlight).toMatchObject([{ code: "OUTCOME_UNKNOWN" }]);
  });
});
