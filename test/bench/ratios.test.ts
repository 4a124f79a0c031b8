/** Rounds that took turns, held against each other. */
import { expect, it } from "vitest";
import { benchModule } from "./bench-module.js";

interface Sample {
  readonly cpuPerRequestMs: number;
  readonly nodesCpuPerRequestMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
type Ratio = { readonly median: number; readonly low: number; readonly high: number } | null;

const { ratiosOf } = await benchModule<{
  ratiosOf: (ours: readonly Sample[], theirs: readonly Sample[]) => Readonly<Record<keyof Sample, Ratio>>;
}>("ratios.mjs");

function sample(cpuPerRequestMs: number, nodesCpuPerRequestMs = 1): Sample {
  return { cpuPerRequestMs, nodesCpuPerRequestMs, p50Ms: 2 * cpuPerRequestMs, p99Ms: 1 };
}

it("compares each round with the same round of the other contestant, so that a slow machine does not count", () => {
  const ours = [sample(1), sample(30), sample(2)];
  const theirs = [sample(2), sample(40), sample(2)];
  const { cpuPerRequestMs, p50Ms, p99Ms } = ratiosOf(ours, theirs);
  expect(cpuPerRequestMs).toEqual({ median: 0.75, low: 0.5, high: 1 });
  expect(p50Ms).toEqual({ median: 0.75, low: 0.5, high: 1 });
  expect(p99Ms).toEqual({ median: 1, low: 1, high: 1 });
});

it("has no ratio to a figure that was 0 in every round", () => {
  const { nodesCpuPerRequestMs } = ratiosOf([sample(1, 0), sample(1, 5)], [sample(1, 0), sample(1, 0)]);
  expect(nodesCpuPerRequestMs).toBeNull();
});
