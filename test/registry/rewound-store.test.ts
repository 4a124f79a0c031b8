/** A store that goes back to what it had before: it loses its newest changes, other changes take their place, or it is emptied. */
import { describe, expect, it } from "vitest";
import { leaderBeatMs, mapVersionMax, mapVersionToldMax } from "../../src/core/limits.js";
import { versionsLostMax } from "../../src/registry/commands/put-back.js";
import { documentOf, mapOf, putBackDocument } from "../../src/registry/stored-cluster-map.js";
import { settle } from "../support/fake-clock.js";
import { after, byHand, started, takeLead } from "./map-samples.js";
import { SharedStore, TestGateways, type TestGateway } from "./shared-store.js";

/** In which the lead has passed from a silent leader, or followers have repaired the store. */
const takeoverMs = 6 * leaderBeatMs;

const world = new TestGateways();

/** Two gateways with their leases, of which the first leads, and a copy of the store after node a was added. */
async function startTwo(): Promise<readonly [TestGateway, TestGateway]> {
  const [one, two] = [await world.open("gw-1"), await world.open("gw-2")];
  one.lease.start();
  await settle();
  two.lease.start();
  await one.registry.execute(byHand("a"));
  await world.shared.makeCopy();
  return [one, two];
}

async function stored() {
  const found = await world.shared.current.load();
  if (found === null) throw new Error("The store is empty.");
  return mapOf(found);
}

function warnings({ log }: TestGateway): readonly string[] {
  return log.lines.filter(({ level }) => level === "warn").map(({ message }) => message.slice(0, 60));
}

/** All have the map that is stored, and change it. */
async function expectAgreement(): Promise<void> {
  const map = await stored();
  for (const { registry } of world.opened) {
    expect(registry.map).toEqual(map);
    expect(registry.isRewound).toBe(false);
  }
  const leaders = world.opened.filter(({ registry }) => registry.isLeading);
  expect(leaders).toHaveLength(1);
  expect((await leaders[0]?.registry.execute(byHand("later")))?.nodes.has("later")).toBe(true);
}

describe("a registry store that lost its newest changes", () => {
  it("gets them again from the leader, with its next change, and no shard waits for storage nodes", async () => {
    const [one, two] = await startTwo();
    const known = await one.registry.execute(byHand("b"));
    await two.registry.refresh();
    await world.shared.fallBack();
    const map = await one.registry.execute(byHand("c"));
    expect([...map.nodes.keys()]).toEqual(["a", "b", "c"]);
    expect(map.putBack).toBeNull();
    expect(map.version).toBe(known.version + versionsLostMax + 2);
    expect(map.leader).toEqual(known.leader);
    await world.base.advance(takeoverMs);
    await expectAgreement();
    expect(one.turns).toEqual([true]);
    expect(warnings(one)).toEqual([
      "The registry store has lost changes of the cluster map that ",
      "The registry store had lost changes of the cluster map. This",
    ]);
  });

  it("gets them again from the leader, which beats, before followers do anything about it", async () => {
    const [one, two] = await startTwo();
    await one.registry.execute(byHand("b"));
    await two.registry.refresh();
    await world.shared.fallBack();
    await world.base.advance(takeoverMs);
    expect(await stored()).toMatchObject({ putBack: null, leader: { id: "gw-1-1" } });
    expect((await stored()).nodes.size).toBe(2);
    await expectAgreement();
    expect([one.turns, two.turns]).toEqual([[true], []]);
  });

  it("is marked as restored by the gateway that takes the lead from a leader which is gone", async () => {
    const [one, two] = await startTwo();
    const known = await one.registry.execute(byHand("b"));
    await world.base.advance(leaderBeatMs);
    one.stop();
    await world.shared.fallBack();
    await world.base.advance(takeoverMs + leaderBeatMs);
    const map = await stored();
    expect(two.registry.isLeading).toBe(true);
    expect([...map.nodes.keys()]).toEqual(["a"]);
    expect(map.putBack?.waiting).toEqual(["a"]);
    expect(map.version).toBeGreaterThan(known.version);
    expect(map.leader).toMatchObject({ name: "gw-2", sinceVersion: map.version });
    one.goOn();
    await world.base.advance(takeoverMs);
    await expectAgreement();
    expect(one.turns).toEqual([true, false]);
    expect(warnings(two)).toEqual([
      "The registry store has lost changes of the cluster map that ",
      "The registry store had lost changes of the cluster map. It i",
    ]);
  });

  it("is marked as restored by a follower that knows more than the leader, which goes on leading", async () => {
    const [one, two] = await startTwo();
    one.stop();
    await world.base.advance(takeoverMs);
    // gw-2 took the lead, and after the store fell back gw-1 never knew of it.
    expect(two.registry.isLeading).toBe(true);
    const known = await two.registry.execute(byHand("b"));
    await world.shared.fallBack();
    two.store.isCut = true;
    one.goOn();
    await world.base.advance(2 * leaderBeatMs);
    expect(one.registry.isLeading).toBe(true);
    two.store.isCut = false;
    await world.base.advance(takeoverMs + leaderBeatMs);
    const map = await stored();
    expect(map).toMatchObject({ putBack: { waiting: ["a"] }, leader: { id: "gw-1-1", sinceVersion: map.version } });
    expect(map.version).toBeGreaterThan(known.version);
    await expectAgreement();
    expect([one.turns, two.turns]).toEqual([[true], [true, false]]);
  });

  it.each([
    ["saw the store go back", false],
    ["did not see it", true],
  ])(
    "is marked as restored when a leader that was suspended wrote its newer map again, by the one that led meanwhile and %s",
    async (_what, isCut) => {
      const [one, two] = await startTwo();
      await one.registry.execute(byHand("b"));
      one.stop();
      await world.base.advance(takeoverMs);
      expect(two.registry.isLeading).toBe(true);
      const acknowledged = await two.registry.execute(byHand("c"));
      await world.shared.fallBack();
      two.store.isCut = isCut;
      if (!isCut) await two.registry.refresh();
      one.goOn();
      await world.base.advance(2 * leaderBeatMs);
      expect(one.registry.isLeading).toBe(true);
      expect(one.registry.map.putBack).toBeNull();
      expect(one.registry.map.version).toBeGreaterThan(acknowledged.version);
      two.store.isCut = false;
      await world.base.advance(takeoverMs + leaderBeatMs);
      expect(await stored()).toMatchObject({ putBack: { waiting: ["a", "b"] }, leader: { id: "gw-1-1" } });
      await expectAgreement();
    },
  );

  it("does not make a gateway the leader again that had lost the lead, though it names it", async () => {
    const [one, two] = await startTwo();
    two.stop();
    const three = await world.open("gw-3");
    three.lease.start();
    await settle();
    one.stop();
    await world.base.advance(takeoverMs);
    expect(three.registry.isLeading).toBe(true);
    one.goOn();
    await world.base.advance(leaderBeatMs);
    expect(one.turns).toEqual([true, false]);
    three.stop();
    await world.shared.fallBack();
    await world.base.advance(3 * leaderBeatMs);
    expect((await stored()).leader?.id).toBe("gw-1-1");
    await expect(one.registry.execute(byHand("b"))).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
    await world.base.advance(takeoverMs);
    expect(one.registry.isLeading).toBe(true);
    expect(one.registry.map.leader?.id).not.toBe("gw-1-1");
    two.goOn();
    three.goOn();
    await world.base.advance(takeoverMs);
    await expectAgreement();
  });

  it("is repaired above what others may have seen that are away", async () => {
    const [one, two] = await startTwo();
    const three = await world.open("gw-3");
    three.stop();
    const known = await three.registry.refresh();
    for (const name of ["b", "c", "d"]) await one.registry.execute(byHand(name));
    await two.registry.refresh();
    one.stop();
    two.stop();
    world.shared.current = new SharedStore().current;
    await world.shared.current.compareAndSet(null, documentOf({ ...known, version: 2 }), null);
    three.goOn();
    three.lease.start();
    await world.base.advance(takeoverMs);
    expect(three.registry.map.version).toBeGreaterThan(two.registry.map.version);
    one.goOn();
    two.goOn();
    await world.base.advance(2 * takeoverMs);
    await expectAgreement();
    expect(one.registry.map.version).toBeLessThan(2 * versionsLostMax);
  });
});

describe("a registry store with another map under the version and the beat that the leader knows", () => {
  /** The store fell back, and a gateway that knows nothing of the lost change took the lead. */
  async function startForked(): Promise<TestGateway> {
    const [one, two] = await startTwo();
    two.stop();
    await one.registry.execute(byHand("b"));
    await world.base.advance(3 * leaderBeatMs);
    const known = await world.shared.current.mark();
    one.store.isDeaf = true;
    await world.shared.fallBack();
    const three = await world.open("gw-3");
    await three.registry.takeLead();
    for (
      let mark = await world.shared.current.mark();
      mark?.beat !== known?.beat;
      mark = await world.shared.current.mark()
    ) {
      await three.registry.beat();
    }
    expect(await world.shared.current.mark()).toEqual(known);
    return one;
  }

  it("is not overwritten by a leader that was suspended meanwhile", async () => {
    const one = await startForked();
    one.stop();
    await world.base.advance(takeoverMs);
    await expect(one.registry.execute(byHand("c"))).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
    expect(one.registry.isRewound).toBe(true);
  });

  it("is not overwritten by a leader that had no answer meanwhile", async () => {
    const one = await startForked();
    one.store.isCut = true;
    await expect(one.registry.readMark()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    one.store.isCut = false;
    await expect(one.registry.execute(byHand("c"))).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
  });

  it("is not overwritten by a leader that finds that somebody else beats, too", async () => {
    const one = await startForked();
    await world.shared.current.beat(one.registry.map.version);
    expect(await one.registry.beat()).toBe(false);
    await expect(one.registry.execute(byHand("c"))).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
  });
});

describe("a registry store in which other changes took the place of those it lost", () => {
  it("is marked as restored, once, by a gateway that knows the lost ones", async () => {
    const [one, two] = await startTwo();
    two.stop();
    await one.registry.execute(byHand("b"));
    one.stop();
    await world.shared.fallBack();
    // gw-2 never knew of node b, and has changed the map further than gw-1 ever did.
    two.goOn();
    await world.base.advance(takeoverMs);
    expect(two.registry.isLeading).toBe(true);
    await two.registry.execute(byHand("c"));
    const other = await two.registry.execute(byHand("d"));
    one.goOn();
    await world.base.advance(3 * takeoverMs);
    const map = await stored();
    expect(map).toMatchObject({ putBack: { waiting: ["a", "c", "d"] }, leader: { name: "gw-2" } });
    expect(map.version).toBe(other.version + versionsLostMax + 1);
    await expectAgreement();
    expect(warnings(one).filter((message) => message.startsWith("The registry store had lost"))).toHaveLength(1);
    expect(two.turns).toEqual([true]);
  });

  it("is not marked a second time when another gateway has done so", async () => {
    const [one, two] = await startTwo();
    const three = await world.open("gw-3");
    two.stop();
    await one.registry.execute(byHand("b"));
    await three.registry.refresh();
    one.stop();
    await world.shared.fallBack();
    two.goOn();
    await world.base.advance(takeoverMs);
    await two.registry.execute(byHand("c"));
    for (const gateway of [one, three]) {
      await gateway.registry.refresh();
      expect(gateway.registry.isRewound).toBe(true);
    }
    await Promise.all([one.registry.repair(), three.registry.repair()]);
    const { version, putBack } = await stored();
    one.goOn();
    three.lease.start();
    await world.base.advance(2 * takeoverMs);
    expect(await stored()).toMatchObject({ version, putBack });
    await expectAgreement();
  });
});

describe("a registry store that went back, and was changed by gateways that do not know of it", () => {
  it("is still repaired by one that saw it go back, although later leaders led only after all that this one knows", async () => {
    const [one, two] = await startTwo();
    two.stop();
    const ignorant = await world.open("gw-3");
    ignorant.stop();
    await one.registry.execute(byHand("b"));
    await one.registry.execute(byHand("c"));
    one.stop();
    await world.shared.fallBack();
    await one.registry.refresh();
    for (const name of ["d", "e"]) {
      await ignorant.registry.takeLead();
      await ignorant.registry.execute(byHand(name));
      await ignorant.registry.resign();
    }
    await ignorant.registry.takeLead();
    const since = ignorant.registry.map.leader?.sinceVersion ?? 0;
    expect(since).toBeGreaterThan(one.registry.map.version);
    await one.registry.refresh();
    expect(one.registry.map).toEqual(ignorant.registry.map);
    expect(one.registry.isRewound).toBe(true);
    for (const gateway of [one, two, ignorant]) gateway.goOn();
    ignorant.lease.start();
    await world.base.advance(2 * takeoverMs);
    expect((await stored()).putBack?.waiting).toEqual(["a", "d", "e"]);
    await expectAgreement();
  });
});

describe("a registry store that was emptied", () => {
  it("gets the map again from the leader, whole and without a mark", async () => {
    const [one, two] = await startTwo();
    await one.registry.execute(byHand("b"));
    const empty = new SharedStore();
    world.shared.current = empty.current;
    await world.base.advance(takeoverMs);
    expect([...(await stored()).nodes.keys()]).toEqual(["a", "b"]);
    expect((await stored()).putBack).toBeNull();
    await expectAgreement();
    expect([one.turns, two.turns]).toEqual([[true], []]);
  });

  it("gets the map of the gateway that takes the lead when the leader is gone, marked as restored", async () => {
    const [one, two] = await startTwo();
    await world.base.advance(leaderBeatMs);
    one.stop();
    world.shared.current = new SharedStore().current;
    await world.base.advance(takeoverMs + leaderBeatMs);
    expect(two.registry.isLeading).toBe(true);
    expect(await stored()).toMatchObject({ putBack: { waiting: ["a"] }, leader: { name: "gw-2" } });
    one.goOn();
    await world.base.advance(takeoverMs);
    await expectAgreement();
  });
});

describe("Registry.heardOfVersion", () => {
  it("marks the registry as restored above the version that another gateway has, once", async () => {
    const [one] = await startTwo();
    await Promise.all([
      one.registry.heardOfVersion(40),
      one.registry.heardOfVersion(40),
      one.registry.heardOfVersion(12),
    ]);
    expect(one.registry.map).toMatchObject({ version: 40 + versionsLostMax + 1, putBack: { waiting: ["a"] } });
    await one.registry.heardOfVersion(40);
    await world.base.advance(takeoverMs);
    await expectAgreement();
    expect(warnings(one)).toHaveLength(1);
  });

  it("believes no version that no map can have yet, and leaves room for the changes after it", async () => {
    const [one] = await startTwo();
    for (const version of [mapVersionToldMax + 1, mapVersionMax, Number.MAX_SAFE_INTEGER]) {
      await one.registry.heardOfVersion(version);
    }
    expect(one.registry.map).toMatchObject({ version: 3, putBack: null });
    await one.registry.heardOfVersion(mapVersionToldMax);
    const { version, clusterId } = one.registry.map;
    expect(version).toBeLessThan(mapVersionMax - 100 * versionsLostMax);
    // Its storage nodes have seen it, and register again.
    const mark = one.registry.map.putBack?.mark ?? null;
    const map = await one.registry.execute(started("a", { clusterId, mapVersion: version, mark }));
    expect(map.putBack).toBeNull();
  });

  it("reads the store first, for the other gateway may only have been faster to read a change", async () => {
    const [one] = await startTwo();
    one.store.isAnswerLost = true;
    one.store.isDeaf = true;
    await expect(one.registry.execute(byHand("b"))).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await one.registry.heardOfVersion(one.registry.map.version + 1);
    expect(one.registry.map.nodes.has("b")).toBe(true);
    expect(one.registry.map.putBack).toBeNull();
  });

  it("does nothing when it does not lead, and only logs that the store cannot be read", async () => {
    const [one, two] = await startTwo();
    await two.registry.heardOfVersion(40);
    one.store.isCut = true;
    await one.registry.heardOfVersion(40);
    expect(warnings(one)).toEqual(["Another gateway has a newer cluster map than the registry st"]);
    one.store.isCut = false;
    expect((await stored()).putBack).toBeNull();
    await one.registry.heardOfVersion(40);
    expect((await stored()).putBack).not.toBeNull();
  });
});

describe("a registry file that a person replaced while its gateway runs", () => {
  it("stays marked as restored when a person restored it, though it names the leader", async () => {
    const one = await world.open("gw-1");
    await one.registry.takeLead();
    await one.registry.execute(byHand("a"));
    const copy = await world.shared.current.load();
    const known = await one.registry.execute(byHand("b"));
    await one.registry.execute(byHand("c"));
    if (copy === null) throw new Error("The store is empty.");
    await world.shared.current.compareAndSet(await world.shared.current.load(), putBackDocument(copy, "m-1"), null);
    await one.registry.refresh();
    await one.registry.repair();
    const { map } = one.registry;
    expect(map).toMatchObject({ putBack: { waiting: ["a"] }, leader: { id: known.leader?.id } });
    expect(map.version).toBeGreaterThan(known.version);
    expect(one.registry.isLeading).toBe(true);
  });

  it("does not stop the gateway from changing the map", async () => {
    const one = await world.open("gw-1");
    await one.registry.takeLead();
    await one.registry.execute(byHand("a"));
    const map = await one.registry.execute(byHand("b"));
    // Of another leader, as `shardgate registry restore` and another machine's gateway leave it.
    const other = after({ ...map, version: 1, nodes: new Map(), leader: null }, takeLead("l-9"));
    await world.shared.current.compareAndSet(await world.shared.current.load(), documentOf(other), null);
    await expect(one.registry.execute(byHand("c"))).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
    expect(one.registry.isLeading).toBe(false);
    expect(await one.registry.takeLead()).toBe(true);
    expect((await one.registry.execute(byHand("c"))).nodes.has("c")).toBe(true);
  });
});
