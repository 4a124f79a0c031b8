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

it("counts the threads' nanoseconds, including those of new threads", () => {
  const before = reading({ "1": 5_000_000, "2": 100 }, 0);
  expect(cpuMsBetween(before, reading({ "1": 7_500_000, "2": 100, "3": 250_000 }, 3))).toBe(2.75);
});

it("counts ticks when a thread has ended and its nanoseconds are lost", () => {
  const before = reading({ "1": 5_000_000, "2": 300_000_000 }, 30);
  expect(cpuMsBetween(before, reading({ "1": 6_000_000 }, 80))).toBe(500);
});
