/** The soak's rule on made-up samples: what is flat, what leaks, what goes up and down. */
import { describe, expect, it } from "vitest";
import { mailboxInFlightMax } from "../../src/core/limits.js";
import { judge, slopeOf, type Sample } from "./verdict.js";

const mib = 1024 * 1024;

function sample(atMs: number, rest: Partial<Sample> = {}): Sample {
  const figures = {
    heapBytes: 40 * mib,
    memoryBytes: 90 * mib,
    files: 40,
    sockets: 20,
    timers: 10,
    handles: 25,
    queued: 0,
  };
  return { process: "gateway", pid: 1, phase: "load", atMs, ...figures, ...rest };
}

const rests = (last: Partial<Sample> = {}): readonly Sample[] => [
  sample(0, { phase: "rest" }),
  sample(2_000_000, { phase: "rest", ...last }),
];

/** A sample every ten seconds for half an hour. */
function loaded(figures: (index: number) => Partial<Sample>): readonly Sample[] {
  const samples = Array.from({ length: 180 }, (_, index) => sample(10_000 * (index + 1), figures(index)));
  return [...rests(), ...samples];
}

function broken(samples: readonly Sample[]): readonly string[] {
  return judge(samples)
    .filter(({ isGood }) => !isGood)
    .map(({ process, rule }) => `${process}: ${rule}`);
}

describe("growth under load", () => {
  it("is accepted when figures are constant", () => {
    expect(broken(loaded(() => ({})))).toEqual([]);
  });

  it("is accepted when figures go up and down, however far", () => {
    const saw = (index: number): Partial<Sample> => ({
      heapBytes: (30 + 3 * (index % 20)) * mib,
      memoryBytes: (80 + 10 * (index % 20)) * mib,
      files: 20 + 5 * (index % 20),
      timers: 5 * (index % 20),
    });
    expect(broken(loaded(saw))).toEqual([]);
  });

  it("is accepted with some outliers", () => {
    expect(broken(loaded((index) => (index > 150 && index % 3 === 0 ? { heapBytes: 400 * mib } : {})))).toEqual([]);
  });

  it("is accepted when it ends", () => {
    const filling = (index: number): Partial<Sample> => ({ heapBytes: (40 + 20 * Math.min(1, index / 30)) * mib });
    expect(broken(loaded(filling))).toEqual([]);
  });

  it.each([
    ["heapBytes", 0.06 * mib],
    ["memoryBytes", 0.4 * mib],
    ["files", 0.3],
    ["timers", 0.3],
  ] as const)("of %s in small steps is detected", (quantity, step) => {
    const leaking = (index: number): Partial<Sample> => ({ [quantity]: sample(0)[quantity] + index * step });
    expect(broken(loaded(leaking))).toEqual([`gateway: growth of ${quantity}`]);
  });

  it("is detected beneath a saw-tooth", () => {
    const leaking = (index: number): Partial<Sample> => ({ heapBytes: (30 + (index % 20) + 0.1 * index) * mib });
    expect(broken(loaded(leaking))).toEqual(["gateway: growth of heapBytes"]);
  });

  it("is measured anew after a restart, and not judged by few samples", () => {
    const restarting = (index: number): Partial<Sample> => ({
      pid: Math.floor(index / 19),
      heapBytes: (40 + 10 * (index % 19)) * mib,
    });
    expect(broken(loaded(restarting))).toEqual([]);
    const growing = (index: number): Partial<Sample> => ({
      pid: index < 90 ? 1 : 2,
      heapBytes: (40 + index * 0.2) * mib,
    });
    expect(broken(loaded(growing))).toEqual(["gateway: growth of heapBytes", "gateway: growth of heapBytes"]);
  });

  it("is measured separately for each process, without the warm-up", () => {
    const other = rests().map((rest) => ({ ...rest, process: "node1" }));
    const warming = (index: number): Partial<Sample> => ({ phase: "warmUp", heapBytes: index * mib });
    expect(broken([...loaded(warming), ...other])).toEqual([]);
  });
});

describe("the last idle period", () => {
  const twoNodes = ["node1", "node2"].flatMap((process) => rests().map((rest) => ({ ...rest, process })));

  it.each([
    ["files", 2 + 2 * mailboxInFlightMax],
    ["sockets", 2 + 2 * mailboxInFlightMax],
    ["handles", 2 + 2 * mailboxInFlightMax],
    ["timers", 2],
  ] as const)("has as many %s as the first, except idle connections to storage nodes", (quantity, more) => {
    const level = sample(0)[quantity];
    expect(broken([...twoNodes, ...rests({ [quantity]: level + more })])).toEqual([]);
    expect(broken([...twoNodes, ...rests({ [quantity]: level + more + 1 })])).toEqual([`gateway: ${quantity} at rest`]);
  });

  it("has no waiting work", () => {
    expect(broken(rests({ queued: 1 }))).toEqual(["gateway: queue at rest"]);
  });

  it("must have been observed", () => {
    expect(broken([sample(1)])).toEqual(["gateway: rest"]);
    expect(broken(rests().slice(0, 1))).toEqual(["gateway: rest"]);
  });
});

describe("the slope of samples", () => {
  it("is the median over all pairs", () => {
    expect(slopeOf([])).toBe(0);
    expect(slopeOf([[1, 5]])).toBe(0);
    expect(
      slopeOf([
        [1, 5],
        [1, 9],
      ]),
    ).toBe(0);
    expect(
      slopeOf([
        [0, 0],
        [1, 2],
        [2, 4],
        [3, 6],
        [4, 1000],
      ]),
    ).toBe(2);
  });
});
