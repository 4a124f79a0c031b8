import { describe, expect, it } from "vitest";
import { heartbeatIntervalMs } from "../../../../src/core/limits.js";
import { parseShard } from "../../../../src/core/shard.js";
import { settle } from "../../../support/fake-clock.js";
import { agent, Members } from "./open-members.js";

const shard = parseShard;
const wish = { isPrimary: true, ifEpoch: null, isForced: false };

describe("ClusterMember", () => {
  it("leads alone, and is followed by the next", async () => {
    const members = new Members();
    const a = await members.open("a");
    await members.clock.advance(heartbeatIntervalMs);
    expect(a.member.standing).toEqual({
      isLeading: true,
      leader: { name: "a", url: a.url },
      isRegistryReachable: true,
    });
    const b = await members.open("b");
    await members.clock.advance(heartbeatIntervalMs);
    expect(b.member.standing).toEqual({
      isLeading: false,
      leader: { name: "a", url: a.url },
      isRegistryReachable: true,
    });
    members.nodes.client("node1").accept(await b.member.register(agent("node1")));
    expect(b.member.isReady()).toBe(true);
    members.nodes.client("node2").accept(await a.member.register(agent("node2")));
    const record = await b.member.assign({ shard: shard(0), node: "node2", ...wish });
    expect(b.member.map.shards[0]).toEqual(record);
    a.kill();
    await members.clock.advance(7 * heartbeatIntervalMs);
    await settle();
    expect(b.member.standing.isLeading).toBe(true);
    await a.end();
    await b.end();
  });
});
