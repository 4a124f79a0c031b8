/** The list of aims in the benchmark's report: what holds is computed from the figures. */
import { describe, expect, it } from "vitest";
import { benchModule } from "./bench-module.js";

interface Row {
  readonly workload: string;
  readonly contestant: string;
  readonly clients: number;
  readonly nodes: number;
  readonly shards: number;
  readonly delayMs: number;
  readonly capacityPerCore: number;
  readonly cpuPerRequestMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
interface Check {
  readonly what: string;
  readonly figure: string;
  readonly isHeld: boolean | null;
}

const { checksOf } = await benchModule<{ checksOf: (results: ReadonlyMap<string, unknown>) => readonly Check[] }>(
  "targets.mjs",
);

const usual: Row = {
  workload: "get, 100 B",
  contestant: "shardgate",
  clients: 64,
  nodes: 3,
  shards: 64,
  delayMs: 0,
  capacityPerCore: 1,
  cpuPerRequestMs: 0.1,
  p50Ms: 1,
  p99Ms: 2,
};

function row(changes: Partial<Row>): Row {
  return { ...usual, ...changes };
}

function checksAbout(suite: string, rows: readonly Row[], text: string): readonly Check[] {
  return checksOf(new Map([[suite, { rows }]])).filter(({ what }) => what.includes(text));
}

describe("the performance targets", () => {
  it("report suites that were not measured", () => {
    const checks = checksOf(new Map());
    expect(new Set(checks.map(({ isHeld }) => isHeld))).toEqual(new Set([null]));
    expect(new Set(checks.map(({ figure }) => figure))).toEqual(new Set(["not measured"]));
  });

  it.each([
    [2, true],
    [1.99, false],
  ])("compare a capacity per core of ×%d with the minimum: %s", (capacityPerCore, isHeld) => {
    const rows = [row({ capacityPerCore }), row({ contestant: "bare proxy" })];
    const [check] = checksAbout("peers", rows, "get, 100 B, 64 clients: capacity");
    expect(check).toMatchObject({ figure: `×${capacityPerCore.toFixed(2)}`, isHeld });
  });

  it.each([
    ["the best peer's", { p99Ms: 10 }, { p99Ms: 9.9 }, { p99Ms: 10 }, false],
    ["1.2 times the bare proxy's", { p99Ms: 12.1 }, { p99Ms: 20 }, { p99Ms: 10 }, false],
    ["neither", { p99Ms: 12 }, { p99Ms: 12 }, { p99Ms: 10 }, true],
  ])("compare p99: above %s", (_name, ours, peers, proxy, isHeld) => {
    const rows = [
      row(ours),
      row({ contestant: "bare proxy", ...proxy }),
      row({ contestant: "storage nodes", p99Ms: 0.1 }),
      row({ contestant: "yoga", p99Ms: 99 }),
      row({ contestant: "mercurius", ...peers }),
    ];
    expect(checksAbout("peers", rows, "p99").map((check) => check.isHeld)).toEqual([isHeld]);
  });

  it("compare the median of a single client at each delay", () => {
    const rows = [0, 5].flatMap((delayMs) => [
      row({ clients: 1, delayMs, p50Ms: 1.4 + delayMs }),
      row({ clients: 1, delayMs, p50Ms: 1 + delayMs, contestant: "bare proxy" }),
    ]);
    expect(checksAbout("clients", rows, "1 client,").map(({ isHeld }) => isHeld)).toEqual([false, true]);
  });

  it("compare the cost per key with that of fewer keys", () => {
    const rows = [
      row({ workload: "get, 100 B", cpuPerRequestMs: 0.1 }),
      row({ workload: "10 keys of 100 B", cpuPerRequestMs: 0.5 }),
      row({ workload: "100 keys of 100 B", cpuPerRequestMs: 7 }),
    ];
    const checks = checksAbout("keys", rows, "CPU per key");
    expect(checks.map(({ what, figure, isHeld }) => [what, figure, isHeld])).toEqual([
      ["CPU per key of 100 B, 1 to 10 keys: at most ×1.2", "×0.50 (100.0 to 50.0 µs)", true],
      ["CPU per key of 100 B, 10 to 100 keys: at most ×1.2", "×1.40 (50.0 to 70.0 µs)", false],
    ]);
  });

  it("compare more shards with fewer on the same number of nodes", () => {
    const rows = [
      row({ shards: 1024, cpuPerRequestMs: 0.13 }),
      row({ shards: 4, cpuPerRequestMs: 0.1 }),
      row({ shards: 64, cpuPerRequestMs: 0.11 }),
      row({ shards: 64, nodes: 16, cpuPerRequestMs: 0.5 }),
    ];
    const checks = checksAbout("shards", rows, "CPU per request");
    expect(checks.map(({ figure, isHeld }) => [figure.slice(0, 5), isHeld])).toEqual([
      ["×1.10", true],
      ["×1.30", false],
    ]);
  });

  it("compare the storage node with raw lmdb, and group commit with single commits", () => {
    const reads = [{ bytes: 100, batchSize: 100, microsecondsPerKey: { "raw lmdb reads": 2, "the engine": 5 } }];
    const storage = { reads, writesPerSecond: { single: 100, grouped: 2000 } };
    const checks = checksOf(new Map([["storage", storage]])).filter(({ what }) => what.startsWith("storage node"));
    expect(checks.map(({ figure, isHeld }) => [figure, isHeld])).toEqual([
      ["40 %", false],
      ["20.0 times", true],
    ]);
  });
});
