/** The workers of a gateway whose primary leads or follows. */
import { describe, expect, it } from "vitest";
import { heartbeatIntervalMs, leaderBeatMs } from "../../../../src/core/limits.js";
import { parseShard } from "../../../../src/core/shard.js";
import { refusedReportMs } from "../../../../src/gateway/cluster/node-evidence.js";
import { probeAgainMs } from "../../../../src/gateway/cluster/leader/probes.js";
import { downAfterMs } from "../../../../src/registry/liveness.js";
import { settle } from "../../../support/fake-clock.js";
import type { FakePool } from "../fake-nodes.js";
import { agent, Members } from "./open-members.js";

const shard = parseShard;

async function opened() {
  const members = new Members();
  const a = await members.open("a");
  const b = await members.open("b");
  await members.clock.advance(heartbeatIntervalMs);
  const [ofLeader, ofFollower] = [a.join(), b.join()];
  for (const id of ["node1", "node2"]) members.nodes.client(id).accept(await ofFollower.membership.register(agent(id)));
  await settle();
  return { members, clock: members.clock, nodes: members.nodes, a, b, ofLeader, ofFollower };
}

describe("the workers of several gateways", () => {
  it("know which gateway leads, and who else there is", async () => {
    const { a, b, ofLeader, ofFollower } = await opened();
    expect(ofLeader.membership.standing).toEqual(a.member.standing);
    expect(ofFollower.membership.standing).toEqual(b.member.standing);
    expect(ofFollower.membership.standing).toMatchObject({ isLeading: false, leader: { name: "a" } });
    expect(await ofFollower.membership.gateways()).toEqual(await b.member.gateways());
  });

  it("learn of storage nodes that sent a heartbeat to another gateway, and let routing try them again", async () => {
    const { clock, a, ofFollower } = await opened();
    await a.member.register(agent("node3"));
    await clock.advance(heartbeatIntervalMs);
    expect(ofFollower.membership.nodeState("node3")).toBe("UP");
    expect(ofFollower.pool.reached).toContain("node3");
  });

  it("learn of a storage node that is silent here, and that another gateway still sees", async () => {
    const { clock, nodes, b, ofLeader } = await opened();
    nodes.client("node1").isDown = true;
    for (let second = 0; second < 15; second++) {
      b.pool.answered.set("node1", b.clock.monotonicMs());
      await clock.advance(heartbeatIntervalMs);
    }
    expect(ofLeader.membership.nodeState("node1")).not.toBe("DOWN");
  });

  it("keep a storage node from being called DOWN that serves only their clients", async () => {
    const { clock, nodes, ofLeader, ofFollower, a, b } = await opened();
    nodes.client("node1").isDown = true;
    nodes.client("node2").isDown = true;
    for (let second = 0; second < 15; second++) {
      ofFollower.pool.answered.set("node1", b.clock.monotonicMs());
      ofLeader.pool.answered.set("node2", a.clock.monotonicMs());
      await clock.advance(heartbeatIntervalMs);
    }
    expect(["node1", "node2"].map((name) => a.member.nodeState(name))).not.toContain("DOWN");
    await clock.advance(downAfterMs + 3 * heartbeatIntervalMs);
    expect(["node1", "node2"].map((name) => a.member.nodeState(name))).toEqual(["DOWN", "DOWN"]);
  });

  it("call no storage node DOWN for a silence of their leader", async () => {
    const { clock, a, b, ofFollower } = await opened();
    b.store.isCut = true;
    a.kill();
    await clock.advance(3 * downAfterMs);
    expect(ofFollower.membership.standing).toMatchObject({ leader: null, isRegistryReachable: false });
    expect(ofFollower.membership.nodeState("node1")).toBe("UP");
    expect(ofFollower.membership.isReady()).toBe(true);
  });

  it("judge anew when their gateway takes the lead, by its clock", async () => {
    const { clock, nodes, a, b, ofFollower } = await opened();
    for (const id of ["node1", "node2"]) nodes.client(id).isDown = true;
    a.kill();
    while (!b.member.standing.isLeading) await clock.advance(leaderBeatMs);
    await settle();
    expect(ofFollower.membership.standing.isLeading).toBe(true);
    await clock.advance(downAfterMs - 2 * leaderBeatMs);
    expect(ofFollower.membership.nodeState("node1")).toBe("SUSPECT");
    await clock.advance(3 * leaderBeatMs);
    expect(ofFollower.membership.nodeState("node1")).toBe("DOWN");
    expect(ofFollower.membership.shardState(shard(0))).toBe("UNAVAILABLE");
  });
});

describe("a refused connection of a client's request", () => {
  /** Both storage nodes share a store; node1 has shards and its process has ended. */
  async function openedShared() {
    const members = new Members();
    const a = await members.open("a");
    const b = await members.open("b");
    await members.clock.advance(heartbeatIntervalMs);
    const workers = { ofLeader: a.join(), ofFollower: b.join() };
    for (const id of ["node1", "node2"]) {
      const sharer = { ...agent(id), storeId: "store", isStoreShared: true };
      members.nodes.client(id).accept(await a.member.register(sharer));
    }
    await settle();
    members.nodes.client("node1").isDown = true;
    return { members, clock: members.clock, a, b, ...workers };
  }

  it.each<[string, (opened: Awaited<ReturnType<typeof openedShared>>) => FakePool]>([
    ["the gateway that leads", ({ a }) => a.pool],
    ["a gateway that follows", ({ b }) => b.pool],
    ["a worker of the one that leads", ({ ofLeader }) => ofLeader.pool],
    ["a worker of one that follows", ({ ofFollower }) => ofFollower.pool],
  ])("has the shards of its storage node taken over within a second when %s meets it", async (_, where) => {
    const opened = await openedShared();
    const { a, b, clock } = opened;
    expect(a.member.map.shards.map(({ primary }) => primary)).toEqual(Array(4).fill("node1"));
    where(opened).refuse("node1");
    await settle();
    await clock.advance(2 * probeAgainMs);
    await settle();
    expect(a.member.nodeState("node1")).toBe("DOWN");
    for (const { member } of [a, b]) {
      await member.refresh("node2");
      expect(member.map.shards.map(({ primary }) => primary)).toEqual(Array(4).fill("node2"));
    }
  });

  it("sends one early beat for many of them, and none for a storage node with a store of its own", async () => {
    const { members, b, clock } = await openedShared();
    members.nodes.client("node1").isDown = false;
    await clock.advance(refusedReportMs);
    const before = members.network.beats.length;
    for (let times = 0; times < 20; times++) b.pool.refuse("node1");
    await settle();
    expect(members.network.beats.length).toBe(before + 1);
    await b.member.register(agent("node3"));
    await settle();
    const then = members.network.beats.length;
    b.pool.refuse("node3");
    await settle();
    expect(members.network.beats.length).toBe(then);
  });
});
