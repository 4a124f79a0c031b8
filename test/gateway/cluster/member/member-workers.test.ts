/** The workers of a gateway whose primary leads or follows. */
import { describe, expect, it } from "vitest";
import { heartbeatIntervalMs, leaderBeatMs } from "../../../../src/core/limits.js";
import { parseShard } from "../../../../src/core/shard.js";
import { downAfterMs } from "../../../../src/registry/liveness.js";
import { settle } from "../../../support/fake-clock.js";
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
