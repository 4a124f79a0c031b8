/** What storage nodes over PostgreSQL hold beside PostGraphile, as the benchmark computes it from rounds. */
import { describe, expect, it } from "vitest";
import { benchModule } from "./bench-module.js";

interface Check {
  readonly suite: string;
  readonly what: string;
  readonly figure: string;
  readonly isHeld: boolean | null;
}

const { storeChecksOf } = await benchModule<{
  storeChecksOf: (results: ReadonlyMap<string, unknown>) => readonly Check[];
}>("store-aims.mjs");

function checksOf(changes: object): readonly Check[] {
  const row = {
    workload: "get, 100 B",
    contestant: "shardgate over PostgreSQL",
    clients: 64,
    nodes: 3,
    shards: 64,
    delayMs: 0,
    p99Ms: 10,
    ...changes,
  };
  return storeChecksOf(new Map([["store", { rows: [row] }]]));
}

function rates(median: number) {
  const ratio = { median, low: median - 1, high: median + 1 };
  return { toPostgraphile: { requestsPerSecond: ratio, allCpuPerRequestMs: { median: 0.5, low: 0.4, high: 0.6 } } };
}

describe("the targets of storage nodes over PostgreSQL", () => {
  it("are omitted when the suite was not measured", () => {
    expect(storeChecksOf(new Map())).toEqual([]);
  });

  it.each([
    ["get, 100 B", 3, true],
    ["get, 4 KB", 2.99, false],
    ["100 keys of 100 B", 1, true],
    ["putMany of 100, 100 B", 0.99, false],
  ])("compare the rate of %s, %d times PostGraphile's, with its minimum: %s", (workload, ratio, isHeld) => {
    const [check] = checksOf({ workload, ...rates(ratio) });
    expect(check).toMatchObject({ suite: "store", isHeld });
    expect(check?.figure).toBe(`×${ratio.toFixed(2)} (rounds ${(ratio - 1).toFixed(2)} to ${(ratio + 1).toFixed(2)})`);
  });

  it.each([
    ["put, 100 B", 49.9, [true]],
    ["100 keys of 100 B", 50, [false]],
    ["putMany of 100, 100 B", 50, []],
  ])("bound the p99 of %s, %d ms: %s", (workload, p99Ms, isHeld) => {
    expect(checksOf({ workload, p99Ms }).map((check) => check.isHeld)).toEqual(isHeld);
  });

  it("have no bound for the CPU time of all processes, which is reported beside PostGraphile's", () => {
    const [check] = checksOf({ workload: "putMany of 100, 100 B", ...rates(2) }).filter(({ what }) =>
      what.includes("CPU"),
    );
    expect(check).toMatchObject({ figure: "×0.50 (rounds 0.40 to 0.60)", isHeld: null });
  });

  it("are about many clients and storage nodes over PostgreSQL alone", () => {
    expect(checksOf({ clients: 1, ...rates(9) })).toEqual([]);
    expect(checksOf({ contestant: "shardgate", ...rates(9) })).toEqual([]);
  });
});
