import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Liveness, nodeState, takeoverAfterMs, type NodeState } from "../../src/registry/liveness.js";
import { FakeClock } from "../support/fake-clock.js";

const bounds = { suspectAfterMs: 3000, downAfterMs: 10_000 };

describe("nodeState", () => {
  it.each<[string, number | null, number, NodeState]>([
    ["heard of just now", 5000, 5000, "UP"],
    ["silent for almost the first bound", 5000, 7999, "UP"],
    ["silent for the first bound", 5000, 8000, "SUSPECT"],
    ["silent for almost the second bound", 5000, 14_999, "SUSPECT"],
    ["silent for the second bound", 5000, 15_000, "DOWN"],
    ["never heard of, at the start", null, 1000, "SUSPECT"],
    ["never heard of for almost the second bound", null, 10_999, "SUSPECT"],
    ["never heard of for the second bound", null, 11_000, "DOWN"],
  ])("of a node %s", (_, lastSeenMs, nowMs, state) => {
    expect(nodeState({ lastSeenMs, startedMs: 1000, nowMs, ...bounds })).toBe(state);
  });

  it("only ever gets worse with silence", () => {
    const rank = { UP: 0, SUSPECT: 1, DOWN: 2 };
    fc.assert(
      fc.property(fc.option(fc.nat(20_000)), fc.nat(20_000), fc.nat(20_000), (lastSeenMs, first, more) => {
        const at = (nowMs: number): number => rank[nodeState({ lastSeenMs, startedMs: 0, nowMs, ...bounds })];
        const from = (lastSeenMs ?? 0) + first;
        expect(at(from + more)).toBeGreaterThanOrEqual(at(from));
      }),
    );
  });
});

describe("Liveness", () => {
  it("does not count a time in which the gateway was suspended, and counts the silence before and after it", async () => {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, ...bounds });
    liveness.seen("a");
    await clock.advance(4000);
    liveness.seen("b");
    clock.suspend(30_000);
    liveness.seen("c");
    liveness.skip(30_000);
    expect(["a", "b", "c", "never"].map((name) => liveness.state(name))).toEqual(["SUSPECT", "UP", "UP", "SUSPECT"]);
    expect(["a", "b", "c", "never"].map((name) => liveness.silentMs(name))).toEqual([4000, 0, 0, 4000]);
    await clock.advance(6000);
    expect(["a", "b", "c", "never"].map((name) => liveness.state(name))).toEqual([
      "DOWN",
      "SUSPECT",
      "SUSPECT",
      "DOWN",
    ]);
  });

  it("keeps refused connections over a suspension until the storage node is seen again", () => {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, ...bounds, isStoreShared: () => true });
    liveness.seen("a");
    liveness.refused("a");
    liveness.refused("a");
    clock.suspend(30_000);
    liveness.skip(30_000);
    expect(liveness.state("a")).toBe("DOWN");
    liveness.seen("a");
    expect(liveness.state("a")).toBe("UP");
  });

  it("follows a storage node from its first sign of life to its silence and back", async () => {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, ...bounds });
    expect(liveness.state("a")).toBe("SUSPECT");
    expect(liveness.lastSeenAtMs("a")).toBeNull();
    await clock.advance(9000);
    liveness.seen("a");
    const seenAtMs = clock.nowMs();
    expect(liveness.state("a")).toBe("UP");
    await clock.advance(3000);
    expect(liveness.state("a")).toBe("SUSPECT");
    expect(liveness.state("never")).toBe("DOWN");
    await clock.advance(7000);
    expect(liveness.state("a")).toBe("DOWN");
    expect(liveness.lastSeenAtMs("a")).toBe(seenAtMs);
    liveness.seen("a");
    expect(liveness.state("a")).toBe("UP");
    liveness.forget("a");
    expect(liveness.lastSeenAtMs("a")).toBeNull();
    expect(liveness.state("a")).toBe("DOWN");
  });

  it("is not misled by a jump of the wall clock", () => {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, ...bounds });
    liveness.seen("a");
    clock.jumpWall(3_600_000);
    expect(liveness.state("a")).toBe("UP");
    clock.jumpWall(-7_200_000);
    expect(liveness.state("a")).toBe("UP");
  });

  it("exchanges with another process how long ago each node was seen", async () => {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, ...bounds });
    liveness.seen("a");
    await clock.advance(4000);
    liveness.seen("b", 1000);
    expect(liveness.signs()).toEqual([
      { name: "a", silentMs: 4000 },
      { name: "b", silentMs: 1000 },
    ]);
    expect([liveness.state("a"), liveness.state("b")]).toEqual(["SUSPECT", "UP"]);
    expect(liveness.lastSeenAtMs("b")).toBe(clock.nowMs() - 1000);
    liveness.seen("b", 3500);
    expect(liveness.lastSeenAtMs("b")).toBe(clock.nowMs() - 1000);
  });

  it("does not call a node DOWN while other gateways may veto that", async () => {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, ...bounds });
    liveness.seen("a");
    liveness.seen("b");
    liveness.askBeforeDown((name) => name === "b");
    await clock.advance(liveness.downAfterMs("a"));
    expect([liveness.state("a"), liveness.state("b")]).toEqual(["SUSPECT", "DOWN"]);
    liveness.askBeforeDown(null);
    expect(liveness.state("a")).toBe("DOWN");
  });

  it("calls a node of a shared store DOWN after a silence of its own, shorter one", async () => {
    const clock = new FakeClock();
    const isStoreShared = (name: string): boolean => name === "sharer";
    const liveness = new Liveness({ clock, suspectAfterMs: 1500, downAfterMs: 10_000, isStoreShared });
    const longer = new Liveness({
      clock,
      suspectAfterMs: 1500,
      downAfterMs: 10_000,
      takeoverAfterMs: 4000,
      isStoreShared,
    });
    for (const each of [liveness, longer]) for (const name of ["sharer", "other"]) each.seen(name);
    await clock.advance(takeoverAfterMs - 1);
    expect(liveness.state("sharer")).toBe("SUSPECT");
    await clock.advance(1);
    expect([liveness.state("sharer"), liveness.state("other")]).toEqual(["DOWN", "SUSPECT"]);
    expect([liveness.silentMs("sharer"), liveness.downAfterMs("sharer")]).toEqual([3000, 3000]);
    expect(longer.state("sharer")).toBe("SUSPECT");
    await clock.advance(1000);
    expect(longer.state("sharer")).toBe("DOWN");
  });

  it("waits for a node of a shared store as long as for others until it has heard from it itself", async () => {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, ...bounds, isStoreShared: () => true });
    liveness.seen("a");
    await clock.advance(1000);
    liveness.beginAnew();
    await clock.advance(bounds.downAfterMs - 1);
    expect([liveness.state("a"), liveness.state("never")]).toEqual(["SUSPECT", "SUSPECT"]);
    liveness.seen("a");
    await clock.advance(1);
    expect([liveness.state("a"), liveness.state("never")]).toEqual(["UP", "DOWN"]);
    await clock.advance(takeoverAfterMs);
    expect(liveness.state("a")).toBe("DOWN");
  });

  it("calls a node of a shared store DOWN once it has refused twice, although another gateway saw it just before", async () => {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, ...bounds, isStoreShared: (name) => name === "sharer" });
    liveness.askBeforeDown(() => false);
    for (const name of ["sharer", "other"]) {
      liveness.seen(name);
      liveness.refused(name);
      expect(liveness.state(name)).toBe(name === "sharer" ? "SUSPECT" : "UP");
      await clock.advance(100);
      liveness.refused(name);
    }
    expect([liveness.state("sharer"), liveness.state("other")]).toEqual(["DOWN", "UP"]);
    // What another gateway saw before the last refusal proves nothing.
    liveness.seen("sharer", 101);
    expect(liveness.state("sharer")).toBe("DOWN");
    liveness.seen("sharer", 50);
    expect(liveness.state("sharer")).toBe("UP");
  });

  it.each<[string, (liveness: Liveness) => void]>([
    ["something answers there", (liveness) => liveness.answered("a")],
    ["it gives a sign of life", (liveness) => liveness.seen("a")],
    ["the node is removed", (liveness) => liveness.forget("a")],
    ["the gateway begins anew", (liveness) => liveness.beginAnew()],
  ])("counts refusals from the beginning after %s", (_, happens) => {
    const liveness = new Liveness({ clock: new FakeClock(), ...bounds, isStoreShared: () => true });
    liveness.seen("a");
    liveness.refused("a");
    happens(liveness);
    liveness.refused("a");
    expect(liveness.state("a")).not.toBe("DOWN");
  });

  it("counts silence from when it began anew, and leaves out what was DOWN then", async () => {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, ...bounds });
    liveness.seen("a");
    await clock.advance(bounds.downAfterMs - 1);
    liveness.seen("b", 2000);
    await clock.advance(1);
    expect([liveness.state("a"), liveness.state("b")]).toEqual(["DOWN", "UP"]);
    const seenAtMs = liveness.lastSeenAtMs("a");
    liveness.beginAnew();
    expect([liveness.state("a"), liveness.isHeardOf("a")]).toEqual(["SUSPECT", false]);
    expect([liveness.state("b"), liveness.isHeardOf("b")]).toEqual(["UP", true]);
    expect(liveness.lastSeenAtMs("a")).toBe(seenAtMs);
    expect(liveness.signs()).toEqual([{ name: "b", silentMs: 2001 }]);
    await clock.advance(bounds.suspectAfterMs - 1);
    expect(liveness.state("b")).toBe("UP");
    await clock.advance(1);
    expect(liveness.state("b")).toBe("SUSPECT");
    liveness.seen("a");
    expect([liveness.state("a"), liveness.isHeardOf("a")]).toEqual(["UP", true]);
    await clock.advance(bounds.downAfterMs);
    expect([liveness.state("a"), liveness.state("b")]).toEqual(["DOWN", "DOWN"]);
  });

  it("judges as of the moment at which it was frozen, until it is frozen again or begins anew", async () => {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, ...bounds });
    liveness.seen("a");
    liveness.freeze();
    await clock.advance(5 * bounds.downAfterMs);
    expect([liveness.isFrozen, liveness.state("a")]).toEqual([true, "UP"]);
    liveness.seen("b");
    expect(liveness.state("b")).toBe("UP");
    liveness.freeze();
    expect(liveness.state("a")).toBe("DOWN");
    await clock.advance(bounds.downAfterMs);
    expect(liveness.state("b")).toBe("UP");
    liveness.beginAnew();
    expect([liveness.isFrozen, liveness.isHeardOf("a"), liveness.isHeardOf("b")]).toEqual([false, false, true]);
    await clock.advance(bounds.downAfterMs);
    expect(liveness.state("b")).toBe("DOWN");
  });
});
