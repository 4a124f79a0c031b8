/** The key choice of the YCSB workloads, held against the distribution that it is to have. */
import { describe, expect, it } from "vitest";
import { benchModule } from "./bench-module.js";

const { zipfian } = await benchModule<{
  zipfian: (count: number, random: () => number) => () => number;
}>("zipfian.mjs");

const count = 1000;
const draws = 200_000;

/** How often each index is drawn when `random` goes evenly through all of 0 to 1. */
function frequencies(): readonly number[] {
  let step = 0;
  const next = zipfian(count, () => (step++ + 0.5) / draws);
  const counts = Array.from({ length: count }, () => 0);
  for (let draw = 0; draw < draws; draw++) {
    const index = next();
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

describe("the Zipfian distribution", () => {
  const counts = frequencies();
  const sorted = counts.toSorted((a, b) => b - a);
  const zeta = Array.from({ length: count }, (_, rank) => 1 / (rank + 1) ** 0.99).reduce((sum, part) => sum + part);

  it("draws only indices of the range, and every one of them", () => {
    expect(counts.reduce((sum, part) => sum + part)).toBe(draws);
    expect(sorted.at(-1)).toBeGreaterThan(0);
  });

  it("draws the two most frequent ones in proportion to 1 / rank ^ 0.99", () => {
    expect((sorted[0] ?? 0) / draws).toBeCloseTo(1 / zeta, 3);
    expect((sorted[1] ?? 0) / draws).toBeCloseTo(1 / 2 ** 0.99 / zeta, 3);
  });

  it("draws the first tenth of the ranks in proportion to their sum, within 2 %", () => {
    const share = sorted.slice(0, count / 10).reduce((sum, part) => sum + part) / draws;
    const expected = Array.from({ length: count / 10 }, (_, rank) => 1 / (rank + 1) ** 0.99 / zeta);
    expect(share).toBeCloseTo(
      expected.reduce((sum, part) => sum + part),
      1,
    );
  });

  it("does not place frequent keys beside each other", () => {
    const places = sorted.slice(0, 10).map((frequency) => counts.indexOf(frequency));
    const neighbours = places.filter((place) => places.includes(place + 1));
    expect(neighbours).toEqual([]);
  });
});
