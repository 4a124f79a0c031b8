import { beforeEach, describe, expect, it } from "vitest";
import { Deadlines, type WithDeadline } from "../../../src/routing/mailbox/deadlines.js";
import { FakeClock } from "../../support/fake-clock.js";

interface Waiting extends WithDeadline<Waiting> {
  readonly name: string;
}

let clock: FakeClock;
let passed: string[];
let deadlines: Deadlines<Waiting>;
beforeEach(() => {
  clock = new FakeClock();
  passed = [];
  deadlines = new Deadlines<Waiting>({ clock, onPassed: ({ name }) => passed.push(name) });
});

function waitingFor(name: string, delayMs: number): Waiting {
  const deadlineMs = clock.monotonicMs() + delayMs;
  const waiting: Waiting = { name, deadlineMs, previous: null, next: null, isListed: false };
  deadlines.add(waiting);
  return waiting;
}

describe("deadlines", () => {
  it("pass one after another, in whatever order they were added", async () => {
    for (const [name, delayMs] of [
      ["b", 200],
      ["a", 100],
      ["d", 300],
      ["c", 200],
    ] as const)
      waitingFor(name, delayMs);
    await clock.advance(99);
    expect(passed).toEqual([]);
    await clock.advance(1);
    expect(passed).toEqual(["a"]);
    await clock.advance(100);
    expect(passed).toEqual(["a", "b", "c"]);
    await clock.advance(100);
    expect(passed).toEqual(["a", "b", "c", "d"]);
  });

  it("do not pass for submissions that are answered before", async () => {
    const first = waitingFor("first", 100);
    waitingFor("second", 200);
    deadlines.delete(first);
    deadlines.delete(first);
    await clock.advance(300);
    expect(passed).toEqual(["second"]);
  });

  it("need a timer only while something waits", async () => {
    const before = clock.pendingTimers;
    const first = waitingFor("first", 100);
    const second = waitingFor("second", 100);
    expect(clock.pendingTimers).toBe(before + 1);
    deadlines.delete(first);
    deadlines.delete(second);
    expect(clock.pendingTimers).toBe(before);
    waitingFor("third", 10);
    await clock.advance(10);
    expect(passed).toEqual(["third"]);
    expect(clock.pendingTimers).toBe(before);
  });
});
