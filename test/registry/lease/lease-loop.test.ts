import { describe, expect, it } from "vitest";
import { leaderBeatMs, registryAttemptsMax } from "../../../src/core/limits.js";
import { settle } from "../../support/fake-clock.js";
import { byHand } from "../map-samples.js";
import { TestGateways, type TestGateway } from "../shared-store.js";

/** In which the lead passes from a leader that is silent, with one interval to spare. */
const takeoverMs = 6 * leaderBeatMs;

const world = new TestGateways();

/** The first of them leads. */
async function start(...names: readonly string[]): Promise<TestGateway[]> {
  const gateways: TestGateway[] = [];
  for (const name of names) {
    const gateway = await world.open(name);
    gateway.lease.start();
    gateways.push(gateway);
    await settle();
  }
  return gateways;
}

function leaders(): string[] {
  return world.opened.filter(({ registry }) => registry.isLeading).map(({ name }) => name);
}

/** Stops the process, and lets its next write wait until it goes on. */
function stopBeforeWrite(gateway: TestGateway, whichWrite = 1): { readonly reached: Promise<void>; goOn(): void } {
  let goOn = (): void => undefined;
  let reach = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  let count = 0;
  gateway.store.beforeWrite = async () => {
    if (++count !== whichWrite) return;
    gateway.stop();
    reach();
    await gate;
  };
  return {
    reached,
    goOn() {
      gateway.goOn();
      goOn();
    },
  };
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error(`There is no item ${index}.`);
  return item;
}

describe("gateways that share a registry store", () => {
  it("have the first one lead at once, whose name and address the map has for all", async () => {
    const gateways = await start("gw-1", "gw-2", "gw-3");
    expect(leaders()).toEqual(["gw-1"]);
    for (const { registry } of gateways) {
      const leader = { id: "gw-1-1", name: "gw-1", url: "http://gw-1:4000", sinceVersion: 2 };
      expect(registry.map.leader).toEqual(leader);
    }
    await expect(at(gateways, 1).registry.execute(byHand("a"))).rejects.toMatchObject({
      code: "REGISTRY_CONFLICT",
      message:
        "Another gateway has led this cluster since map version 2: gw-1 at http://gw-1:4000. This gateway does not change the " +
        "cluster map; send the change to the leader, or try again.",
    });
    expect(at(gateways, 0).log.lines).toMatchObject([
      { level: "info", facts: { leader: { name: "gw-1" } }, message: "This gateway leads the cluster now." },
    ]);
  });

  it("keep their leader for as long as it beats, also one whose clock is half as fast as the others'", async () => {
    const [slow, fast] = [await world.open("slow"), await world.open("fast", 2)];
    for (const { lease } of [slow, fast]) {
      lease.start();
      await settle();
    }
    await world.base.advance(600 * leaderBeatMs);
    expect(leaders()).toEqual(["slow"]);
    expect([slow.turns, fast.turns]).toEqual([[true], []]);
    expect((await world.shared.current.load())?.beat).toBeGreaterThan(500);
  });

  it("agree on one new leader when theirs is gone, which never leads under its old id again", async () => {
    const [one, two, three] = await start("gw-1", "gw-2", "gw-3");
    if (one === undefined || two === undefined || three === undefined) throw new Error("Three were started.");
    await one.registry.execute(byHand("a"));
    one.stop();
    await world.base.advance(takeoverMs);
    const successors = [two, three].filter(({ registry }) => registry.isLeading);
    expect(successors).toHaveLength(1);
    const [leader] = successors;
    expect(leader?.registry.map).toMatchObject({ version: 4, leader: { sinceVersion: 4 } });
    expect((await leader?.registry.execute(byHand("b")))?.nodes.size).toBe(2);
    one.goOn();
    await settle();
    expect(leaders()).toEqual([leader?.name]);
    expect(one.turns).toEqual([true, false]);
    leader?.stop();
    await world.base.advance(takeoverMs);
    expect(leaders().filter((name) => name !== leader?.name)).toHaveLength(1);
    expect(one.registry.map.leader?.id).not.toBe("gw-1-1");
  });

  it("have another leader at once when theirs stops, and none in between", async () => {
    const [one, two] = await start("gw-1", "gw-2");
    await one?.lease.stop();
    await settle();
    expect(leaders()).toEqual([]);
    await expect(two?.registry.execute(byHand("a"))).rejects.toMatchObject({
      code: "REGISTRY_CONFLICT",
      message: "No gateway has led this cluster since map version 3. One takes the lead within seconds; try again.",
    });
    await world.base.advance(leaderBeatMs);
    expect(leaders()).toEqual(["gw-2"]);
    await world.base.advance(takeoverMs);
    expect(one?.turns).toEqual([true, false]);
  });

  it("have no leader replaced by a gateway that was suspended itself", async () => {
    const [one, two] = await start("gw-1", "gw-2");
    for (let round = 0; round < 10; round++) {
      two?.stop();
      await world.base.advance(60 * leaderBeatMs);
      two?.goOn();
      await settle();
    }
    expect([one?.turns, two?.turns]).toEqual([[true], []]);
  });

  it("have no leader replaced by a gateway that cannot read the store, and say once that it does not answer", async () => {
    const [one, two] = await start("gw-1", "gw-2");
    if (one === undefined || two === undefined) throw new Error("Two were started.");
    two.store.isCut = true;
    await world.base.advance(60 * leaderBeatMs);
    expect(two.registry.isReachable).toBe(false);
    two.store.isCut = false;
    await world.base.advance(60 * leaderBeatMs);
    expect(two.registry.isReachable).toBe(true);
    expect([one.turns, two.turns]).toEqual([[true], []]);
    expect(two.log.lines.map(({ level, message }) => [level, message.slice(0, 36)])).toEqual([
      ["warn", "The registry store does not answer. "],
      ["info", "The registry store answers again."],
    ]);
  });

  it("have another leader when theirs is cut off from the store, and that one knows it by itself", async () => {
    const [one, two] = await start("gw-1", "gw-2");
    if (one === undefined || two === undefined) throw new Error("Two were started.");
    one.store.isCut = true;
    await world.base.advance(takeoverMs);
    expect(two.registry.isLeading).toBe(true);
    await expect(one.registry.execute(byHand("a"))).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    await world.base.advance(takeoverMs);
    expect(leaders()).toEqual(["gw-2"]);
    expect(one.log.lines.map(({ message }) => message)).toContainEqual(
      expect.stringContaining("It gives up the lead."),
    );
    one.store.isCut = false;
    await world.base.advance(takeoverMs);
    expect(one.registry.map.leader?.name).toBe("gw-2");
    expect(leaders()).toEqual(["gw-2"]);
  });

  it("keep their leader through a short outage of the store, and have one again after a long one", async () => {
    const gateways = await start("gw-1", "gw-2");
    const cut = (isCut: boolean): void => gateways.forEach(({ store }) => (store.isCut = isCut));
    cut(true);
    await world.base.advance(8 * leaderBeatMs);
    cut(false);
    await world.base.advance(takeoverMs);
    expect(leaders()).toEqual(["gw-1"]);
    cut(true);
    await world.base.advance(60 * leaderBeatMs);
    expect(leaders()).toEqual([]);
    cut(false);
    await world.base.advance(takeoverMs + leaderBeatMs);
    expect(leaders()).toHaveLength(1);
    expect(at(gateways, 0).registry.map.leader?.id).not.toBe("gw-1-1");
  });
});

describe("two gateways that both believe to lead", () => {
  it.each([1, 2])(
    "change the map only by the one that it names, when the other was suspended before try %i of a change",
    async (whichTry) => {
      const [one, two] = await start("gw-1", "gw-2");
      if (one === undefined || two === undefined) throw new Error("Two were started.");
      if (whichTry === 2) world.shared.current.injectFault("raceIsLost");
      const pause = stopBeforeWrite(one, whichTry);
      const late = one.registry.execute(byHand("late"));
      await pause.reached;
      await world.base.advance(takeoverMs);
      expect(leaders()).toEqual(["gw-1", "gw-2"]);
      const map = await two.registry.execute(byHand("b"));
      pause.goOn();
      await expect(late).rejects.toMatchObject({
        code: "REGISTRY_CONFLICT",
        message: expect.stringContaining("gw-2 at"),
      });
      expect(leaders()).toEqual(["gw-2"]);
      expect(await two.registry.refresh()).toBe(map);
    },
  );

  it("do not come about when one was suspended before it took the lead", async () => {
    const [one, two, three] = await start("gw-1", "gw-2", "gw-3");
    if (one === undefined || two === undefined || three === undefined) throw new Error("Three were started.");
    const pause = stopBeforeWrite(two);
    one.stop();
    await world.base.advance(takeoverMs);
    await pause.reached;
    expect(leaders()).toEqual(["gw-1", "gw-3"]);
    one.goOn();
    pause.goOn();
    await settle();
    expect(leaders()).toEqual(["gw-3"]);
    await world.base.advance(60 * leaderBeatMs);
    expect([two.turns, three.turns]).toEqual([[], [true]]);
  });

  it("do not come about when the leader beats just before it would be replaced", async () => {
    const [one, two] = await start("gw-1", "gw-2");
    if (one === undefined || two === undefined) throw new Error("Two were started.");
    const pause = stopBeforeWrite(two);
    one.stop();
    await world.base.advance(takeoverMs);
    await pause.reached;
    one.goOn();
    await settle();
    pause.goOn();
    await settle();
    expect(leaders()).toEqual(["gw-1"]);
  });
});

describe("Registry.takeLead", () => {
  it("leads also when the answer of the store was lost, and goes on under that id", async () => {
    const gateway = await world.open("gw-1");
    gateway.store.isAnswerLost = true;
    expect(await gateway.registry.takeLead()).toBe(true);
    expect(gateway.turns).toEqual([true]);
    expect((await gateway.registry.execute(byHand("a"))).leader?.id).toBe("gw-1-1");
  });

  it("finds later that it leads, when the store could not be read after a lost answer either", async () => {
    const gateway = await world.open("gw-1");
    gateway.store.isAnswerLost = true;
    world.shared.current.injectFault("loadFails");
    // The watch has it read once more, for the write that happened.
    const taking = gateway.registry.takeLead();
    await taking.catch(() => undefined);
    await gateway.registry.refresh();
    expect([gateway.registry.isLeading, gateway.ids]).toEqual([true, ["gw-1-1"]]);
  });

  it("fails with the store's error when nothing was written, and asks with the same id again", async () => {
    const gateway = await world.open("gw-1");
    world.shared.current.injectFault("writeFails");
    await expect(gateway.registry.takeLead()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect([await gateway.registry.takeLead(), gateway.ids]).toEqual([true, ["gw-1-1"]]);
  });

  it("leads also when the map names its id already, as after a start with the ids of the last one", async () => {
    await (await world.open("gw-1")).registry.takeLead();
    const again = await world.open("gw-1");
    expect(await again.registry.takeLead()).toBe(true);
    expect((await again.registry.execute(byHand("a"))).nodes.has("a")).toBe(true);
  });

  it("does not take the lead when the store is at another mark than the one that was judged", async () => {
    const [one, two] = [await world.open("gw-1"), await world.open("gw-2")];
    await one.registry.takeLead();
    const judged = await two.registry.readMark();
    await one.registry.beat();
    await two.registry.readMark();
    expect(await two.registry.takeLead(judged)).toBe(false);
    expect(await two.registry.takeLead(await two.registry.readMark())).toBe(true);
    expect(await two.registry.takeLead()).toBe(true);
    expect(two.turns).toEqual([true]);
  });
});

describe("Registry.beat", () => {
  it("raises the beat while it leads, and says when it does not any more", async () => {
    const [one, two] = [await world.open("gw-1"), await world.open("gw-2")];
    expect(await one.registry.beat()).toBe(false);
    await one.registry.takeLead();
    expect([await one.registry.beat(), await one.registry.beat()]).toEqual([true, true]);
    expect(await two.registry.readMark()).toEqual({ version: 2, beat: 2 });
    one.store.isCut = true;
    await two.registry.takeLead();
    await expect(one.registry.beat()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    one.store.isCut = false;
    expect([await one.registry.beat(), one.registry.isLeading]).toEqual([false, false]);
  });

  it("is raised again after one that was not confirmed, or that another process raised", async () => {
    const { registry } = await world.open("gw-1");
    await registry.takeLead();
    world.shared.current.injectFault("beatIsNotConfirmed");
    await expect(registry.beat()).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(await registry.beat()).toBe(true);
    await world.shared.current.beat(2);
    expect(await registry.beat()).toBe(true);
    expect((await registry.execute(byHand("a"))).version).toBe(3);
  });

  it("does not fail a change that is written at the same moment", async () => {
    const { registry, store } = await world.open("gw-1");
    await registry.takeLead();
    let writes = 0;
    store.beforeWrite = async () => void writes++;
    const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
    for (const name of names) await Promise.all([registry.beat(), registry.execute(byHand(name)), registry.beat()]);
    expect([registry.map.nodes.size, writes]).toEqual([40, 40]);
  });

  it("gives up after a few tries on a store that never is where it says", async () => {
    const { registry } = await world.open("gw-1");
    await registry.takeLead();
    for (let attempt = 0; attempt < registryAttemptsMax; attempt++) world.shared.current.injectFault("beatIsLost");
    expect(await registry.beat()).toBe(true);
    expect((await world.shared.current.load())?.beat).toBe(0);
  });
});

describe("Registry.resign", () => {
  it("waits for the changes that were asked for before, and refuses those after it", async () => {
    const gateway = await world.open("gw-1");
    const { registry } = gateway;
    await registry.takeLead();
    const pause = stopBeforeWrite(gateway);
    const before = registry.execute(byHand("a"));
    await pause.reached;
    const resigned = registry.resign();
    const after = registry.execute(byHand("b"));
    pause.goOn();
    expect((await before).nodes.has("a")).toBe(true);
    await resigned;
    await expect(after).rejects.toMatchObject({ code: "REGISTRY_CONFLICT" });
    expect(registry.map).toMatchObject({ leader: null, version: 4 });
  });

  it("gives the lead up also when the store does not answer, and says so", async () => {
    const { registry, store, log, turns } = await world.open("gw-1");
    await registry.takeLead();
    store.isCut = true;
    await registry.resign();
    expect(turns).toEqual([true, false]);
    expect(log.lines.map(({ message }) => message)).toContainEqual(expect.stringContaining("resignation"));
    store.isCut = false;
    expect([(await registry.refresh()).leader?.id, registry.isLeading]).toEqual(["gw-1-1", false]);
  });

  it("does not wait for ever for a store that hangs", async () => {
    const gateway = await world.open("gw-1");
    await gateway.registry.takeLead();
    const pause = stopBeforeWrite(gateway);
    let isDone = false;
    const resigned = gateway.registry.resign().then(() => (isDone = true));
    await pause.reached;
    gateway.goOn();
    await world.base.advance(10 * leaderBeatMs);
    expect(isDone).toBe(true);
    pause.goOn();
    await resigned;
  });

  it("writes nothing when it does not lead", async () => {
    const { registry } = await world.open("gw-1");
    await registry.resign();
    expect(registry.map.version).toBe(1);
  });
});

describe("Registry.onLeadChange", () => {
  it("is called before the listeners of that map, until it stops; what it throws is logged", async () => {
    const { registry, log } = await world.open("gw-1");
    const heard: string[] = [];
    registry.onChange(({ version }) => heard.push(`map ${version}`));
    const stop = registry.onLeadChange((isLeading) => heard.push(`leads ${isLeading}`));
    const failure = new Error("broken listener");
    registry.onLeadChange(() => {
      throw failure;
    });
    await registry.takeLead();
    stop();
    await registry.resign();
    expect(heard).toEqual(["leads true", "map 2", "map 3"]);
    const errors = log.lines.filter(({ level }) => level === "error");
    expect(errors).toMatchObject([{ facts: { err: failure, isLeading: true } }, { facts: { isLeading: false } }]);
  });
});
