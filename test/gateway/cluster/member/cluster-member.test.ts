/** A gateway of several in both its roles, and as it changes from one to the other. */
import { describe, expect, it, vi } from "vitest";
import { ShardgateError } from "../../../../src/core/error.js";
import { heartbeatIntervalMs, leaderBeatMs } from "../../../../src/core/limits.js";
import { parseShard } from "../../../../src/core/shard.js";
import { readinessOf } from "../../../../src/gateway/cluster/health.js";
import { settle } from "../../../support/fake-clock.js";
import { agent, Members, type OpenedMember } from "./open-members.js";

const shard = parseShard;
const wish = { isPrimary: true, ifEpoch: null, isForced: false };

/** The first leads, the second follows it, and two storage nodes have registered with the second. */
async function pair() {
  const members = new Members();
  const a = await members.open("a");
  const b = await members.open("b");
  await members.clock.advance(heartbeatIntervalMs);
  for (const id of ["node1", "node2"]) members.nodes.client(id).accept(await b.member.register(agent(id)));
  return { members, clock: members.clock, network: members.network, nodes: members.nodes, a, b };
}

const standingOf = ({ member }: OpenedMember) => member.standing;
const toMove = { shard: shard(0), node: "node2", ...wish };

describe("a gateway of several", () => {
  it("leads when no other does, and follows the one that leads", async () => {
    const { a, b } = await pair();
    const lead = { leader: { name: "a", url: a.url }, leaderId: a.ids[0] };
    expect(standingOf(a)).toEqual({ isLeading: true, ...lead, isRegistryReachable: true });
    expect(standingOf(b)).toEqual({ isLeading: false, ...lead, isRegistryReachable: true });
    for (const { member } of [a, b]) {
      expect(await member.gateways()).toMatchObject([
        { name: "a", url: a.url, isLeader: true },
        { name: "b", url: b.url, isLeader: false },
      ]);
    }
  });

  it("says so, once, when another one leads at the URL that it was given itself", async () => {
    const members = new Members();
    const a = await members.open("a");
    const b = await members.open("b", { url: a.url });
    const said = () =>
      b.log.lines.filter(({ level, message }) => level === "error" && message.includes("`--advertise`"));
    await members.clock.advance(5 * heartbeatIntervalMs);
    expect(said()).toEqual([]);
    await members.clock.advance(30 * heartbeatIntervalMs);
    expect(said()).toMatchObject([{ facts: { leader: "a", self: { name: "b", url: a.url } } }]);
    expect(b.member.standing).toMatchObject({ isLeading: false, leader: null });
  });

  it("does not take its own past for another gateway when it lost the lead with the registry", async () => {
    const members = new Members();
    const a = await members.open("a");
    a.store.isCut = true;
    await members.clock.advance(60 * heartbeatIntervalMs);
    expect(a.member.standing).toMatchObject({ isLeading: false, leader: null });
    a.store.isCut = false;
    await members.clock.advance(10 * heartbeatIntervalMs);
    expect(a.member.standing.isLeading).toBe(true);
    expect(a.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("says who it is before it has met the one that leads", async () => {
    const members = new Members();
    await members.open("a");
    const b = await members.open("b", { isWatching: false });
    expect(standingOf(b)).toMatchObject({ isLeading: false, leader: null });
    expect(await b.member.gateways()).toMatchObject([{ name: "b", url: b.url, isLeader: false }]);
  });

  it("hears from the one that leads of storage nodes that never spoke to it", async () => {
    const { clock, nodes, a, b } = await pair();
    nodes.client("node3").accept(await a.member.register(agent("node3")));
    const stranger = { ...agent("node1"), storeId: "other", incarnation: "new", starts: ["new"] };
    await a.member.register(stranger).catch(() => undefined);
    await clock.advance(heartbeatIntervalMs);
    expect(b.member.map.nodes.has("node3")).toBe(true);
    expect(b.member.nodeState("node3")).toBe("UP");
    expect(b.pool.reached).toContain("node3");
    expect(b.member.nodeStatus("node1").problem).toMatchObject({ code: "STORE_NOT_RECOGNIZED" });
    expect(readinessOf(b.member)).toEqual(readinessOf(a.member));
    await a.member.register(agent("node1"));
    await clock.advance(heartbeatIntervalMs);
    expect(b.member.reportRows()).toEqual([]);
  });

  it("knows a change that it passed on before it answers, also without a notice of the registry's change", async () => {
    const { a, b } = await pair();
    b.store.isDeaf = true;
    const record = await b.member.assign(toMove);
    expect(b.member.map.shards[0]).toEqual(record);
    expect(b.member.map).toEqual(a.member.map);
    expect(await b.member.history(shard(0))).toMatchObject([{ node: "node2" }, { node: "node1" }]);
  });

  it("reports a change as done that it passed on, although it cannot read the registry itself", async () => {
    const { a, b } = await pair();
    b.store.isCut = true;
    expect(await b.member.assign(toMove)).toMatchObject({ primary: "node2" });
    expect(a.member.map.shards[0]).toMatchObject({ primary: "node2" });
    expect(b.member.map.shards[0]).toMatchObject({ primary: "node1" });
    expect(standingOf(b)).toMatchObject({ isRegistryReachable: false, leader: { name: "a" } });
    expect(b.log.lines).toContainEqual(expect.objectContaining({ level: "warn", facts: { err: expect.anything() } }));
  });

  it("drops what it knows of a removed storage node in both roles", async () => {
    const { a, b } = await pair();
    const prunes = [a, b].map(({ pool }) => pool.prunes);
    await b.member.remove("node1", true);
    await settle();
    for (const [index, { member, pool }] of [a, b].entries()) {
      expect(member.nodeStatus("node1").lastSeenAtMs).toBeNull();
      expect(pool.prunes).toBeGreaterThan(prunes[index] ?? 0);
    }
  });

  it("answers other gateways only while it leads, and passes nothing on a second time", async () => {
    const { a, b } = await pair();
    const beats = { url: null, mapVersion: 1, leaderId: b.member.map.leader?.id ?? null, seen: [], refused: [] };
    const asked = [
      () => b.member.peers.register(agent("node3")),
      async () => b.member.peers.heartbeat("node1", {}),
      () => b.member.peers.remove("node1", true),
      () => b.member.peers.assign(toMove),
      () => b.member.peers.acceptLoss("node1"),
      () => b.member.peers.histories([shard(0)]),
      () => b.member.peers.refresh("node1"),
      async () => b.member.peers.beatFrom("c", beats),
    ];
    for (const ask of asked) {
      await expect(ask()).rejects.toMatchObject({ code: "REGISTRY_CONFLICT", message: expect.stringContaining(a.url) });
    }
    expect(await a.member.peers.histories([shard(0)])).toMatchObject([[{ node: "node1" }]]);
    await a.member.peers.refresh("node1");
  });
});

describe("a gateway that leads and stops", () => {
  it("hands the lead over at once, and passes on what it is still asked for", async () => {
    const { clock, a, b } = await pair();
    await a.member.resign();
    expect(standingOf(a)).toMatchObject({ isLeading: false, leader: null });
    const assigned = a.member.assign(toMove);
    await clock.advance(leaderBeatMs);
    await settle();
    expect(await assigned).toMatchObject({ primary: "node2" });
    expect([standingOf(a), standingOf(b)]).toMatchObject([
      { isLeading: false, leader: { name: "b" } },
      { isLeading: true, leader: { name: "b" } },
    ]);
    await a.member.resign();
    await clock.advance(10 * leaderBeatMs);
    expect(standingOf(b).isLeading).toBe(true);
  });

  it("first cancels the move of a shard that it is making", async () => {
    const { members, a, b } = await pair();
    members.nodes.client("node1").isUnsealing = true;
    const move = b.member.assign(toMove);
    const refused = expect(move).rejects.toMatchObject({ code: "ASSIGNMENT_WOULD_HIDE_DATA" });
    await settle();
    expect(a.member.map.shards[0]?.move).not.toBeNull();
    const resigned = a.member.resign();
    await members.clock.advance(heartbeatIntervalMs);
    await resigned;
    await refused;
    expect(b.member.map.shards[0]).toMatchObject({ primary: "node1", move: null });
  });

  it("leaves no timer and no listener behind, however often the lead went to and fro", async () => {
    const { members, clock, a, b } = await pair();
    const countOf = async (): Promise<readonly number[]> => {
      const before = b.pool.prunes;
      await a.member.assign({ ...toMove, node: a.member.map.shards[0]?.primary === "node1" ? "node2" : "node1" });
      await settle();
      return [clock.pendingTimers, b.pool.prunes - before];
    };
    const first = await countOf();
    for (let round = 0; round < 6; round++) {
      const [leading, other] = round % 2 === 0 ? [a, b] : [b, a];
      leading.stop();
      await clock.advance(7 * leaderBeatMs);
      expect(standingOf(other)).toMatchObject({ isLeading: true });
      leading.goOn();
      await clock.advance(3 * leaderBeatMs);
      expect(standingOf(leading)).toMatchObject({ isLeading: false, leader: { url: other.url } });
    }
    for (const id of ["node1", "node2"]) members.nodes.client(id).accept(await a.member.register(agent(id)));
    expect(await countOf()).toEqual(first);
    await a.end();
    await b.end();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a gateway whose registry no other one shares", () => {
  it("leads from its start to its end, also when a person replaces the registry, and waits for no other gateway", async () => {
    const members = new Members();
    const { member, registry, store } = await members.openAlone("a");
    member.start();
    members.nodes.client("node1").accept(await member.register(agent("node1")));
    registry.giveUpLead();
    await members.clock.advance(heartbeatIntervalMs);
    expect(member.standing).toMatchObject({ isLeading: true, leader: { name: "a" } });
    await member.resign();
    expect(member.standing.isLeading).toBe(true);
    store.isCut = true;
    await expect(member.remove("node1", true)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(member.standing.isRegistryReachable).toBe(false);
    await member.stop();
    await registry.close();
    expect(members.clock.pendingTimers).toBe(0);
  });
});

describe("a command while no gateway leads", () => {
  it("waits for the next one that does", async () => {
    const { clock, a, b } = await pair();
    await a.member.resign();
    b.store.isCut = true;
    const assigned = b.member.assign(toMove);
    await clock.advance(2 * leaderBeatMs);
    b.store.isCut = false;
    await clock.advance(leaderBeatMs);
    expect(await assigned).toMatchObject({ primary: "node2" });
  });

  it.each<[string, (opened: OpenedMember) => Promise<unknown>]>([
    ["an assignment", ({ member }) => member.assign(toMove)],
    ["a removal", ({ member }) => member.remove("node1", true)],
    ["an accepted loss", ({ member }) => member.acceptLoss("node1")],
    ["a registration by hand", ({ member }) => member.register({ id: "node9", url: "http://node9:8000" })],
  ])("of a person, %s, is refused after a while with the gateway that led last", async (_, ask) => {
    const { clock, a, b } = await pair();
    a.kill();
    await clock.advance(heartbeatIntervalMs);
    let isRefused = false;
    const asked = ask(b).finally(() => (isRefused = true));
    const refused = expect(asked).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      message: `No gateway leads the cluster now; the last one was a at ${a.url}. One takes the lead within seconds; try again.`,
    });
    b.store.isCut = true;
    await clock.advance(2_900);
    expect(isRefused).toBe(false);
    await clock.advance(200);
    await refused;
  });

  it("that registers a start is answered by the map when the leader dies after it has acknowledged that start", async () => {
    const { clock, a, b } = await pair();
    const { peers } = a.member;
    const register = peers.register.bind(peers);
    vi.spyOn(peers, "register").mockImplementation(async (registration) => {
      await register(registration);
      a.kill();
      throw new ShardgateError("REGISTRY_UNAVAILABLE", "The gateway that leads gave no answer.");
    });
    const { mapVersion } = await b.member.register(agent("node1", 2));
    const { lastStart } = b.member.map.nodes.get("node1") ?? {};
    expect({ lastStart, mapVersion }).toEqual({ lastStart: "node1-2", mapVersion: b.member.map.version });
    await clock.advance(heartbeatIntervalMs);
    expect(b.member.standing.leader).toBeNull();
    expect(await b.member.register(agent("node1", 2))).toMatchObject({ mapVersion });
    const { clusterId } = b.member.map;
    const ahead = { ...agent("node1", 2), clusterId, mapVersion: mapVersion + 1 };
    const elsewhere = { ...agent("node1", 2), url: "http://elsewhere:8000" };
    for (const registration of [ahead, elsewhere, agent("node1", 1), agent("node1", 3), agent("node9")]) {
      await expect(b.member.register(registration)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    }
  });

  it("of a storage node is refused at once, so that the node goes to another gateway", async () => {
    const { clock, a, b } = await pair();
    a.kill();
    await clock.advance(heartbeatIntervalMs);
    const code = "REGISTRY_UNAVAILABLE";
    await expect(b.member.heartbeat("node1", { incarnation: "node1-1" })).rejects.toMatchObject({ code });
    await expect(b.member.register(agent("node1", 2))).rejects.toMatchObject({ code });
  });

  it("does not keep a request for a key waiting that has to read the cluster map again", async () => {
    const { clock, a, b } = await pair();
    b.store.isDeaf = true;
    await a.member.assign({ ...toMove, isForced: true });
    a.kill();
    await clock.advance(heartbeatIntervalMs);
    await b.member.refresh("node2");
    expect(b.member.map.shards[0]).toMatchObject({ primary: "node2" });
  });

  it("ends with the gateway that waits", async () => {
    const { clock, a, b } = await pair();
    a.kill();
    await clock.advance(heartbeatIntervalMs);
    const refused = expect(b.member.assign(toMove)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await b.end();
    await clock.advance(200);
    await refused;
  });
});
