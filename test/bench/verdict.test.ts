/** What holds beside an earlier build and the bare proxy, as the benchmark says it line by line. */
import { describe, expect, it } from "vitest";
import { benchModule } from "./bench-module.js";

interface Check {
  readonly suite?: string;
  readonly what: string;
  readonly figure: string;
  readonly isHeld: boolean | null;
}

const { verdictChecksOf, verdictText } = await benchModule<{
  verdictChecksOf: (results: ReadonlyMap<string, unknown>) => readonly Check[];
  verdictText: (checks: readonly Check[]) => string;
}>("verdict.mjs");

/** A ratio of every figure, the same in all rounds. */
function allRatios(median: number) {
  const ratio = { median, low: median, high: median };
  return { cpuPerRequestMs: ratio, nodesCpuPerRequestMs: ratio, p50Ms: ratio, p99Ms: ratio };
}

const usual = {
  workload: "get, 100 B",
  contestant: "shardgate",
  clients: 64,
  nodes: 3,
  shards: 64,
  delayMs: 0,
  cpuPerRequestMs: 0.1,
  nodesTouched: 1,
  p50Ms: 1,
  p99Ms: 2,
  firstP99Ms: 3,
};

function held(suite: string, rows: readonly object[], text: string): readonly (boolean | null)[] {
  const all = rows.map((row) => ({ ...usual, ...row }));
  return verdictChecksOf(new Map([[suite, { rows: all }]]))
    .filter(({ what }) => what.includes(text))
    .map(({ isHeld }) => isHeld);
}

describe("the verdict of a benchmark", () => {
  it("omits suites that were not measured", () => {
    expect(verdictChecksOf(new Map())).toEqual([]);
    expect(held("before", [{ workload: "putMany of 100, 100 B" }], "")).toEqual([]);
  });

  it.each([
    [1, true],
    [1.01, false],
  ])("compares a CPU time per request of %d times the previous one with its bound: %s", (ratio, isHeld) => {
    expect(held("before", [{ toBefore: allRatios(ratio) }], "CPU per request not above")).toEqual([isHeld]);
  });

  it.each([
    [0.5, true],
    [0.51, false],
  ])(
    "compares %d times the previous CPU time of the storage nodes per get with its bound of one half: %s",
    (ratio, isHeld) => {
      expect(held("before", [{ toBefore: allRatios(ratio) }], "of the storage nodes per get")).toEqual([isHeld]);
    },
  );

  it.each([
    ["get, 100 B", 1 / 2, true],
    ["get, 100 B", 1 / 1.9, false],
    ["get, 4 KB", 1 / 1.6, true],
    ["put, 100 B", 1 / 1.5, false],
  ])("turns the CPU per request of %s, %d times the bare proxy's, into capacity: %s", (workload, ratio, isHeld) => {
    expect(held("before", [{ workload, toProxy: allRatios(ratio) }], "capacity per core")).toEqual([isHeld]);
  });

  it.each([
    ["get, 100 B", 49.9, [true]],
    ["100 keys of 100 B", 50, [false]],
    ["putMany of 100, 100 B", 50, []],
  ])("bounds the p99 of %s, %d ms: %s", (workload, p99Ms, isHeld) => {
    expect(held("before", [{ workload, p99Ms }], "p99 under")).toEqual(isHeld);
  });

  it("lets a single client wait longer than several, and requires no capacity of it", () => {
    const rows = [1, 8, 32].map((clients) => ({ clients, toProxy: allRatios(1.2) }));
    expect(held("few-clients", rows, "p50")).toEqual([true, false, false]);
    expect(held("few-clients", rows, "capacity")).toEqual([false, false]);
  });

  it("bounds the cost of a get over many storage nodes by their number", () => {
    const rows = [{ nodes: 1 }, ...[16, 100, 400].map((nodes) => ({ nodes, toFirst: allRatios(1.5) }))];
    expect(held("many-nodes", rows, "CPU per get")).toEqual([false, true, true]);
  });

  it("bounds what each further storage node adds to the cost of many keys", () => {
    const workload = "100 keys of 100 B";
    const rows = [
      { workload, nodes: 1, cpuPerRequestMs: 0.2, nodesTouched: 1 },
      { workload, nodes: 16, cpuPerRequestMs: 0.35, nodesTouched: 11, toFirst: allRatios(2) },
      { workload, nodes: 100, cpuPerRequestMs: 0.36, nodesTouched: 11, toFirst: allRatios(2) },
    ];
    expect(held("many-nodes", rows, "each further storage node")).toEqual([true, false]);
  });

  it("compares the storage node's cost of a batch of one with the previous cost", () => {
    const storage = { singles: { today: { node: 10, caller: 5 }, before: { node: 20, caller: 9 } } };
    const [check] = verdictChecksOf(new Map([["storage", storage]]));
    expect(check).toMatchObject({ figure: "×0.50 (10.0 to 20.0 µs; their callers 5.0 to 9.0)", isHeld: true });
  });

  it("has a line for each target, and explains for each suite with a missed one how to investigate it", () => {
    const text = verdictText([
      { suite: "before", what: "one", figure: "1", isHeld: false },
      { suite: "before", what: "two", figure: "2", isHeld: false },
      { suite: "few-clients", what: "three", figure: "3", isHeld: true },
      { suite: "workers", what: "four", figure: "4", isHeld: null },
    ]);
    expect(text.split("\n").map((line) => line.trim())).toEqual([
      "MISSES  one: 1",
      "MISSES  two: 2",
      "holds   three: 3",
      "four: 4",
      "Where its time goes: --suite before --profile FOLDER leaves CPU profiles of the gateways there.",
    ]);
  });
});
