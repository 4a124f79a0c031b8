/** What becomes of several gateways of one registry when one of them, the registry or a way between them fails. */
import { describe, expect, it } from "vitest";
import { heartbeatIntervalMs, leaderBeatMs } from "../../../../src/core/limits.js";
import { parseShard } from "../../../../src/core/shard.js";
import { downAfterMs } from "../../../../src/registry/liveness.js";
import { settle } from "../../../support/fake-clock.js";
import { Members, TestAgent, type OpenedMember } from "./open-members.js";

const shard = parseShard;
const toMove = { shard: shard(0), node: "node2", isPrimary: true, ifEpoch: null, isForced: true };

/** Long enough for another gateway to take the lead: four silent intervals and the looks at them. */
const takeOverMs = 7 * leaderBeatMs;

/** Storage nodes whose agents speak to one gateway each second. */
class Agents {
  readonly #members: Members;
  readonly all: ReadonlyMap<string, TestAgent>;

  constructor(members: Members, ids: readonly string[]) {
    this.#members = members;
    this.all = new Map(ids.map((id) => [id, new TestAgent(id, members.nodes.client(id))]));
  }

  /** Time passes; each second every storage node speaks to `gateway`, if it answers. */
  async live(gateway: OpenedMember | null, forMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < forMs; passedMs += heartbeatIntervalMs) {
      const beats = gateway === null ? [] : [...this.all.values()].map((agent) => agent.beat(gateway));
      await this.#members.clock.advance(heartbeatIntervalMs);
      await Promise.all(beats);
    }
  }

  get registrations(): number {
    return [...this.all.values()].reduce((sum, { registrations }) => sum + registrations, 0);
  }
}

async function cluster(nodeIds: readonly string[] = ["node1", "node2"]) {
  const members = new Members();
  const [a, b, c] = [await members.open("a"), await members.open("b"), await members.open("c")];
  const agents = new Agents(members, nodeIds);
  await agents.live(b, 3 * heartbeatIntervalMs);
  return { members, clock: members.clock, network: members.network, a, b, c, agents };
}

const leaders = (...members: readonly OpenedMember[]) =>
  members.filter(({ member }) => member.standing.isLeading).map(({ name }) => name);

const owners = ({ member }: OpenedMember) => member.map.shards.map(({ primary, epoch }) => [primary, epoch]);

describe("several gateways, when the one that leads dies", () => {
  it("serve on, and one of them leads after some seconds, without a change of any shard", async () => {
    const { a, b, c, agents } = await cluster();
    const before = owners(b);
    a.kill();
    for (let second = 0; second < 7; second++) {
      await agents.live(b, heartbeatIntervalMs);
      for (const { member } of [b, c]) expect(member.isReady()).toBe(true);
    }
    expect(leaders(b, c)).toHaveLength(1);
    expect(owners(b)).toEqual(before);
    await b.member.assign({ ...toMove, shard: shard(1) });
    expect([b, c].map(({ member }) => member.map.shards[1]?.primary)).toEqual(["node2", "node2"]);
  });

  it("change the map once for the new leader, although every storage node registers with it again", async () => {
    const { a, b, c, agents } = await cluster();
    const { version } = b.member.map;
    const { registrations } = agents;
    a.kill();
    await agents.live(b, takeOverMs + 3 * heartbeatIntervalMs);
    expect(leaders(b, c)).toHaveLength(1);
    expect(agents.registrations).toBe(registrations + agents.all.size);
    expect(b.member.map.version).toBe(version + 1);
    expect([...agents.all.values()].map(({ refusal }) => refusal)).toEqual([null, null]);
  });

  it("give silent storage nodes their whole time before one is DOWN", async () => {
    const { members, a, b, c, agents } = await cluster();
    for (const id of agents.all.keys()) members.nodes.client(id).isDown = true;
    a.kill();
    while (leaders(b, c).length === 0) {
      await members.clock.advance(leaderBeatMs);
      for (const { member } of [b, c]) expect(member.nodeState("node1")).not.toBe("DOWN");
    }
    await members.clock.advance(downAfterMs - leaderBeatMs);
    for (const { member } of [b, c]) expect(member.nodeState("node1")).toBe("SUSPECT");
    await members.clock.advance(3 * leaderBeatMs);
    for (const { member } of [b, c]) {
      expect(member.nodeState("node1")).toBe("DOWN");
      expect(member.shardState(shard(0))).toBe("UNAVAILABLE");
    }
  });

  it("know a storage node that was DOWN before as missing, and its problems", async () => {
    const { members, a, b, c, agents } = await cluster();
    members.nodes.client("node1").isDown = true;
    const rest = new Agents(members, ["node2"]);
    await rest.live(b, downAfterMs + 3 * heartbeatIntervalMs);
    expect(c.member.nodeState("node1")).toBe("DOWN");
    const stranger = {
      id: "node2",
      url: "http://node2:8000",
      storeId: "other",
      incarnation: "x",
      starts: ["x"],
    };
    await b.member.register(stranger).catch(() => undefined);
    await members.clock.advance(heartbeatIntervalMs);
    const lost = [...a.member.map.shards].find(({ primary }) => primary === "node1")?.shard ?? shard(0);
    a.kill();
    await members.clock.advance(takeOverMs);
    expect(leaders(b, c)).toHaveLength(1);
    for (const { member } of [b, c]) {
      expect(member.shardState(lost)).toBe("UNAVAILABLE");
      expect(member.nodeStatus("node2").problem).toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
      expect(member.nodeStatus("node1").lastSeenAtMs).not.toBeNull();
    }
    expect(agents.all.size).toBe(2);
  });
});

describe("several gateways, when the one that leads is suspended for a while", () => {
  it("follow another one, which the first follows when it goes on", async () => {
    const { clock, a, b, c, agents } = await cluster();
    a.stop();
    await agents.live(b, takeOverMs);
    const [leading = ""] = leaders(b, c);
    a.goOn();
    await clock.advance(2 * leaderBeatMs);
    expect(leaders(a, b, c)).toEqual([leading]);
    expect(a.member.standing.leader).toMatchObject({ name: leading });
    expect(await a.member.assign(toMove)).toMatchObject({ primary: "node2" });
    expect(owners(a)).toEqual(owners(b));
  });

  it("never make a change that was held up before it was stored, and refuse it as not made", async () => {
    const { clock, a, b, c, agents } = await cluster();
    const { primary, epoch = 0 } = a.member.map.shards[0] ?? {};
    let goOn = (): void => undefined;
    a.store.beforeWrite = () => new Promise((resolve) => (goOn = resolve));
    const wanted = { ...toMove, node: primary === "node1" ? "node2" : "node1" };
    const refused = expect(a.member.assign(wanted)).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
    await settle();
    a.stop();
    await agents.live(b, takeOverMs);
    expect(leaders(b, c)).toHaveLength(1);
    a.store.beforeWrite = async () => undefined;
    goOn();
    a.goOn();
    await clock.advance(3 * leaderBeatMs);
    await refused;
    expect(a.member.map.shards[0]).toMatchObject({ primary, epoch });
    expect(await a.member.assign(wanted)).toMatchObject({ primary: wanted.node, epoch: epoch + 1 });
    expect(owners(a)).toEqual(owners(b));
  });

  it("let nothing of its old work change the map, also when it leads again before that work ends", async () => {
    const { members, clock, a } = await cluster();
    const { primary, epoch } = a.member.map.shards[0] ?? {};
    let answer = (): void => undefined;
    members.nodes.client(primary ?? "").onShards = () => new Promise((resolve) => (answer = resolve));
    const node = primary === "node1" ? "node2" : "node1";
    const moved = a.member.peers.assign({ ...toMove, node, isForced: false });
    const refused = expect(moved).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
    await settle();
    a.registry.giveUpLead();
    expect(await a.registry.takeLead()).toBe(true);
    await clock.advance(leaderBeatMs);
    expect(a.member.standing.isLeading).toBe(true);
    const { version } = a.member.map;
    answer();
    await refused;
    await settle();
    expect(a.member.map).toMatchObject({ version, shards: { 0: { primary, epoch } } });
  });
});

describe("several gateways, when the registry does not answer", () => {
  it("serve for a minute without one that leads, call no storage node DOWN, and go on as before", async () => {
    const { clock, a, b, c, agents } = await cluster();
    const before = owners(b);
    const all = [a, b, c];
    for (const { store } of all) store.isCut = true;
    for (let second = 0; second < 60; second++) {
      await agents.live(a, heartbeatIntervalMs);
      for (const { member } of all) expect(member.isReady()).toBe(true);
    }
    for (const { member } of all) {
      expect(member.standing).toEqual({ isLeading: false, leader: null, leaderId: null, isRegistryReachable: false });
    }
    expect(all.map(({ member }) => member.nodeState("node1"))).toEqual(["UP", "UP", "UP"]);
    const refused = expect(b.member.assign(toMove)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await clock.advance(4 * leaderBeatMs);
    await refused;
    for (const { store } of all) store.isCut = false;
    await agents.live(a, takeOverMs);
    expect(leaders(a, b, c)).toHaveLength(1);
    expect(owners(b)).toEqual(before);
    expect(await b.member.assign(toMove)).toMatchObject({ primary: "node2" });
  });

  it("are led by another one when only the one that leads is cut off from it, which gives up by itself", async () => {
    const { a, b, c, agents } = await cluster();
    a.store.isCut = true;
    await agents.live(a, takeOverMs);
    expect(leaders(b, c)).toHaveLength(1);
    expect(a.member.standing.isLeading).toBe(true);
    await expect(a.member.peers.assign(toMove)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await agents.live(a, 6 * leaderBeatMs);
    expect(a.member.standing).toEqual({ isLeading: false, leader: null, leaderId: null, isRegistryReachable: false });
    expect([...agents.all.values()].map(({ refusal }) => refusal)).toEqual(Array(2).fill("REGISTRY_UNAVAILABLE"));
    await agents.live(b, 2 * heartbeatIntervalMs);
    expect([b, c].map(({ member }) => member.nodeState("node1"))).toEqual(["UP", "UP"]);
    a.store.isCut = false;
    await agents.live(b, 2 * leaderBeatMs);
    expect(a.member.standing).toMatchObject({ leader: { name: leaders(b, c)[0] }, isRegistryReachable: true });
  });
});

describe("several gateways, when ways between them are cut", () => {
  it("serve on, and say which of them is not in touch with the one that leads", async () => {
    const { clock, network, a, b, c, agents } = await cluster();
    network.cut(c.url, a.url);
    await agents.live(a, 20 * heartbeatIntervalMs);
    expect(leaders(a, b, c)).toEqual(["a"]);
    expect(c.member.standing).toEqual({ isLeading: false, leader: null, leaderId: null, isRegistryReachable: true });
    expect(c.member.nodeState("node1")).toBe("UP");
    expect(c.member.isReady()).toBe(true);
    expect(await c.member.gateways()).toMatchObject([{ isLeader: false }, { isLeader: false }, { isLeader: false }]);
    const logged = c.log.lines.filter(({ message }) => message.includes("does not answer. Requests for keys go on"));
    expect(logged).toHaveLength(1);
    network.heal();
    await clock.advance(2 * heartbeatIntervalMs);
    expect(c.member.standing.leader).toMatchObject({ name: "a" });
    expect(c.log.lines).toContainEqual(expect.objectContaining({ message: "The gateway that leads answers again." }));
  });

  it("are led by another one when the one that leads is reached by the registry alone", async () => {
    const { clock, network, a, b, c, agents } = await cluster();
    const before = owners(b);
    for (const { url } of [b, c]) network.cut(url, a.url);
    a.pool.isCut = true;
    await agents.live(b, downAfterMs + takeOverMs);
    const [leader, ...others] = leaders(a, b, c);
    expect([leader === "b" || leader === "c", others]).toEqual([true, []]);
    expect(a.log.lines.filter(({ message }) => message.startsWith("This gateway leads, and hears of no"))).toHaveLength(
      1,
    );
    await agents.live(b, 2 * heartbeatIntervalMs);
    expect([...agents.all.values()].map(({ refusal }) => refusal)).toEqual([null, null]);
    expect(owners(c)).toEqual(before);
    await c.member.assign({ ...toMove, shard: shard(1) });
    // It is cut off in both directions, and leads no more by mistake.
    for (const { url } of [b, c]) network.cut(a.url, url);
    await agents.live(b, 60 * heartbeatIntervalMs);
    expect(leaders(a, b, c)).toEqual([leader]);
    network.heal();
    a.pool.isCut = false;
    await clock.advance(2 * heartbeatIntervalMs);
    expect(a.member.standing.leader).toMatchObject({ name: leader });
  });

  it("keep their leader when all others, and all storage nodes, are gone, but for once", async () => {
    const { clock, members, a, b, c } = await cluster();
    for (const gateway of [b, c]) gateway.kill();
    for (const name of ["node1", "node2"]) members.nodes.client(name).isDown = true;
    await clock.advance(120 * heartbeatIntervalMs);
    expect(leaders(a)).toEqual(["a"]);
    expect(a.turns).toEqual([true, false, true]);
  });

  it("do not call a storage node DOWN that one of them still sees", async () => {
    const { members, clock, a, b, c } = await cluster();
    // It answers b alone.
    members.nodes.client("node1").isDown = true;
    for (let second = 0; second < 20; second++) {
      b.pool.answered.set("node1", b.clock.monotonicMs());
      await clock.advance(heartbeatIntervalMs);
    }
    expect([a, b, c].map(({ member }) => member.nodeState("node1"))).not.toContain("DOWN");
    await clock.advance(downAfterMs + 5 * heartbeatIntervalMs);
    expect([a, b, c].map(({ member }) => member.nodeState("node1"))).toEqual(["DOWN", "DOWN", "DOWN"]);
  });
});

describe("two gateways that both believe that they lead", () => {
  it("change the map one after the other only, and agree in the end", async () => {
    const { clock, a, b, c, agents } = await cluster();
    a.store.isCut = true;
    await agents.live(b, takeOverMs);
    expect(leaders(a, b, c)).toHaveLength(2);
    a.store.isCut = false;
    a.store.isDeaf = true;
    const { version } = b.member.map;
    const answers = await Promise.all([
      a.member.peers.assign(toMove).then(
        () => "done",
        (error: unknown) => (error as { code: string }).code,
      ),
      b.member.assign({ ...toMove, shard: shard(1) }).then(() => "done"),
    ]);
    expect(answers).toEqual(["REGISTRY_CONFLICT", "done"]);
    expect(leaders(a, b, c)).toHaveLength(1);
    await clock.advance(2 * leaderBeatMs);
    expect(a.member.map).toEqual(b.member.map);
    expect(b.member.map.version).toBe(version + 1);
  });
});

describe("a new leader of 2,000 storage nodes", () => {
  it("takes all their registrations without a further change of the map", async () => {
    const ids = Array.from({ length: 2_000 }, (_, index) => `node${index}`);
    const { members, a, b, c, agents } = await cluster(ids);
    const { version } = b.member.map;
    expect(b.member.map.nodes.size).toBe(2_000);
    a.kill();
    await members.clock.advance(takeOverMs);
    const successor = leaders(b, c)[0] === "b" ? b : c;
    await agents.live(successor, 2 * heartbeatIntervalMs);
    expect([...agents.all.values()].every(({ refusal }) => refusal === null)).toBe(true);
    expect(agents.registrations).toBe(2 * ids.length);
    expect(successor.member.map.version).toBe(version + 1);
    expect(successor.member.isReady()).toBe(true);
  });
});
