import { describe, expect, it } from "vitest";
import { heartbeatIntervalMs } from "../../../../src/core/limits.js";
import { downAfterMs, suspectAfterMs } from "../../../../src/registry/liveness.js";
import type { GatewayBeat } from "../../../../src/wire/gateway-peers.js";
import { settle } from "../../../support/fake-clock.js";
import { openPrimary } from "../workers/open-primary.js";

const beat: GatewayBeat = { url: null, mapVersion: 1, leaderId: "l1", seen: [], refused: [] };

/** A leader with two storage nodes, which it watches. */
async function opened() {
  const primary = await openPrimary();
  const { membership, nodes } = primary;
  for (const id of ["node1", "node2"]) {
    const registration = {
      id,
      url: `http://${id}:8000`,
      incarnation: id,
      storeId: `s-${id}`,
      starts: [id],
      shards: [],
    };
    nodes.client(id).accept(await membership.register(registration));
  }
  const say = async (more: Partial<GatewayBeat> = {}) => membership.peers.beatFrom("g2", { ...beat, ...more });
  return { ...primary, say };
}

describe("the answer to a beat", () => {
  it("has how long each storage node is silent, what there is to say of it, and the version of the map", async () => {
    const { membership, clock, say } = await opened();
    await clock.advance(1_200.4);
    await membership
      .register({
        id: "node1",
        url: "http://node1:8000",
        incarnation: "x",
        storeId: "other",
        starts: ["x"],
        shards: [],
      })
      .catch(() => {});
    const answer = await say();
    expect(answer).toMatchObject({ leaderId: "l1", mapVersion: membership.map.version, doubted: [] });
    expect(answer.signs).toEqual([
      ["node1", expect.any(Number)],
      ["node2", 1_200],
    ]);
    expect(answer.reports).toMatchObject([["node1", { problem: { code: "STORE_NOT_RECOGNIZED" } }]]);
  });

  it("names the storage nodes that are silent here, for as long as they are", async () => {
    const { membership, nodes, clock, say } = await opened();
    membership.start();
    nodes.client("node1").isDown = true;
    await clock.advance(suspectAfterMs + heartbeatIntervalMs);
    expect((await say()).doubted).toEqual(["node1"]);
    nodes.client("node1").isDown = false;
    await clock.advance(2 * heartbeatIntervalMs);
    expect((await say()).doubted).toEqual([]);
    await membership.stop();
  });
});

describe("a storage node that is silent for the leader", () => {
  it("is DOWN only once the other gateways have looked for it, and stays SUSPECT while one of them sees it", async () => {
    const { membership, nodes, clock, say } = await opened();
    membership.start();
    for (const name of ["node1", "node2"]) nodes.client(name).isDown = true;
    const states = () => ["node1", "node2"].map((name) => membership.nodeState(name));
    // Beats go on, and each says what the one before could not know yet.
    for (let passedMs = 0; passedMs < downAfterMs + heartbeatIntervalMs; passedMs += heartbeatIntervalMs) {
      await say();
      await clock.advance(heartbeatIntervalMs);
    }
    expect(states()).toEqual(["SUSPECT", "SUSPECT"]);
    const { doubted } = await say();
    expect(doubted).toEqual(["node1", "node2"]);
    await say({ seen: doubted.map((name) => [name, name === "node1" ? 4_000 : null]) });
    expect(states()).toEqual(["SUSPECT", "DOWN"]);
    await membership.stop();
  });

  it("stays DOWN when a gateway starts", async () => {
    const { membership, nodes, clock, say } = await opened();
    membership.start();
    nodes.client("node1").isDown = true;
    await clock.advance(suspectAfterMs + downAfterMs + heartbeatIntervalMs);
    expect(membership.nodeState("node1")).toBe("DOWN");
    expect((await say()).doubted).toContain("node1");
    expect(membership.nodeState("node1")).toBe("DOWN");
    await say({ seen: [["node1", 0]] });
    expect(membership.nodeState("node1")).toBe("UP");
    await membership.stop();
  });

  it("is DOWN without the verdict of a dead gateway", async () => {
    const { membership, nodes, clock, say } = await opened();
    membership.start();
    nodes.client("node1").isDown = true;
    await say();
    await clock.advance(downAfterMs + heartbeatIntervalMs);
    expect(membership.nodeState("node1")).toBe("DOWN");
    await membership.stop();
  });
});

describe("a beat", () => {
  it("keeps a storage node up that another gateway has seen", async () => {
    const { membership, clock, say } = await opened();
    await clock.advance(downAfterMs - 1);
    await say({
      seen: [
        ["node1", 500],
        ["node2", null],
        ["node9", 0],
      ],
    });
    await clock.advance(1);
    expect([membership.nodeState("node1"), membership.nodeState("node2")]).toEqual(["UP", "SUSPECT"]);
    expect((await say()).signs.map(([name]) => name)).toEqual(["node1", "node2"]);
  });

  it("has the leader ask a storage node at once that refused connections of another gateway", async () => {
    const { membership, nodes, clock, say } = await opened();
    await clock.advance(suspectAfterMs);
    expect(membership.nodeState("node1")).toBe("SUSPECT");
    const probes = () => ["node1", "node2"].map((name) => nodes.client(name).probes);
    const [before = 0, others] = probes();
    await say({ refused: ["node1", "node1", "node9"] });
    await settle();
    expect(probes()).toEqual([before + 1, others]);
    expect(membership.nodeState("node1")).toBe("UP");
    expect(nodes.nodes.has("node9")).toBe(false);
  });

  it("is refused when its gateway follows another leader, and nothing of it counts", async () => {
    const { membership, clock, say } = await opened();
    await clock.advance(suspectAfterMs);
    for (const leaderId of ["l0", null]) {
      await expect(say({ leaderId, seen: [["node1", 0]] })).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
    }
    expect(membership.nodeState("node1")).toBe("SUSPECT");
    expect(await membership.gateways()).toMatchObject([{ isLeader: true }]);
  });

  it("reaches the leader through a worker, which lists the gateways, too", async () => {
    const { membership, join, clock } = await opened();
    const worker = join().membership;
    expect(await worker.peers.beatFrom("g2", beat)).toMatchObject({ leaderId: "l1", gateways: [{}, { name: "g2" }] });
    expect(await worker.gateways()).toEqual(await membership.gateways());
    await expect(worker.peers.beatFrom("g2", { ...beat, leaderId: "l0" })).rejects.toMatchObject({
      code: "REGISTRY_CONFLICT",
    });
    await clock.advance(0);
  });
});

describe("the largest cluster", () => {
  it("has beats and answers of some kilobytes", () => {
    const nodes = Array.from({ length: 2_000 }, (_, index) => `node-${String(index).padStart(4, "0")}`);
    const signs = nodes.map((node, index) => [node, index % 1_000] as const);
    const bytes = (value: unknown) => JSON.stringify(value).length;
    expect(bytes(beat)).toBeLessThan(100);
    expect(bytes({ ...beat, seen: signs, refused: nodes })).toBeLessThan(64 * 1024);
    expect(bytes({ leaderId: "l1", mapVersion: 1, gateways: [], signs, reports: [], doubted: [] })).toBeLessThan(
      40 * 1024,
    );
  });
});
