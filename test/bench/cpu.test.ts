/** The choice between the two ways in which the kernel tells CPU time. */
import { expect, it } from "vitest";
import { benchModule } from "./bench-module.js";

interface Reading {
  readonly threads: ReadonlyMap<string, number>;
  readonly processes: number;
  readonly ticks: number;
}

const { cpuMsBetween } = await benchModule<{ cpuMsBetween: (before: Reading, after: Reading) => number }>("cpu.mjs");

function reading(threads: Readonly<Record<string, number>>, ticks: number): Reading {
  return { threads: new Map(Object.entries(threads)), processes: 1, ticks };
}

it("takes the threads' nanoseconds, those of new threads too", () => {
  const before = reading({ "1": 5_000_000, "2": 100 }, 0);
  expect(cpuMsBetween(before, reading({ "1": 7_500_000, "2": 100, "3": 250_000 }, 3))).toBe(2.75);
});

it("takes the ticks where a thread ended and took its nanoseconds with it", () => {
  const before = reading({ "1": 5_000_000, "2": 300_000_000 }, 30);
  expect(cpuMsBetween(before, reading({ "1": 6_000_000 }, 80))).toBe(500);
});
