/**
 * The rule by which a soak is judged, as pure decisions over its samples; test/README.md describes it. Growth is measured as
 * the median of all pairwise slopes (Theil-Sen), which neither a saw-tooth nor some wild samples can bend.
 */

import { mailboxInFlightMax } from "../../src/core/limits.js";

/** "warmUp" and "load": while clients run. "rest": they have stopped, and what they left has settled. */
export type Phase = "warmUp" | "load" | "rest";

export interface Sample {
  readonly process: string;
  readonly pid: number;
  readonly phase: Phase;
  readonly atMs: number;
  /** What JavaScript holds after a garbage collection, buffers included. */
  readonly heapBytes: number;
  /** Memory of the process that is no file's: `RssAnon`. */
  readonly memoryBytes: number;
  readonly files: number;
  readonly sockets: number;
  readonly timers: number;
  /** Everything else that keeps the event loop busy. */
  readonly handles: number;
  /** Operations that wait at the gateway. */
  readonly queued: number;
}

export interface Finding {
  readonly rule: string;
  readonly process: string;
  readonly isGood: boolean;
  readonly text: string;
}

type Quantity = "heapBytes" | "memoryBytes" | "files" | "sockets" | "timers" | "handles" | "queued";

/** Growth under load that is allowed: so much, and so much of the median. */
interface GrowthBound {
  readonly quantity: Quantity;
  readonly base: number;
  readonly share: number;
}

const mib = 1024 * 1024;

/** Caches that fill and code that is compiled late; memory also by what the allocator keeps for later. */
const growthBounds: readonly GrowthBound[] = [
  { quantity: "heapBytes", base: 4 * mib, share: 0.1 },
  { quantity: "memoryBytes", base: 32 * mib, share: 0.25 },
  { quantity: "files", base: 25, share: 0.25 },
  { quantity: "timers", base: 25, share: 0.25 },
];

/** How much more a process may have in the last rest than in the first: what comes and goes by itself. */
const restBound = 2;

/** And of these as many as a gateway may keep idle connections to each storage node: they live for a minute. */
const countsConnections: Readonly<Record<"files" | "sockets" | "timers" | "handles", boolean>> = {
  files: true,
  sockets: true,
  timers: false,
  handles: true,
};

/** Fewer samples of one process under load are not judged: their slope is noise. */
const growthSamplesMin = 20;

/** What samples of the gateway are called; all others are storage nodes. */
export const gatewayName = "gateway";

export function judge(samples: readonly Sample[]): readonly Finding[] {
  const names = [...new Set(samples.map(({ process }) => process))];
  return names.flatMap((name) => {
    const own = samples.filter(({ process }) => process === name);
    const peers = name === gatewayName ? names.length - 1 : 1;
    return [...growthFindings(name, own), ...restFindings(name, own, peers * mailboxInFlightMax)];
  });
}

/** The median of the slopes between all pairs of points, per unit of x; 0 for fewer than two. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes: number[] = [];
  for (const [index, [x1, y1]] of points.entries()) {
    for (const [x2, y2] of points.slice(index + 1)) if (x2 !== x1) slopes.push((y2 - y1) / (x2 - x1));
  }
  return median(slopes);
}

/** Each life of the process by itself: a restart begins anew. */
function growthFindings(process: string, samples: readonly Sample[]): readonly Finding[] {
  const loaded = samples.filter(({ phase }) => phase === "load");
  return [...new Set(loaded.map(({ pid }) => pid))].flatMap((pid) => {
    const life = loaded.filter((sample) => sample.pid === pid);
    if (life.length < growthSamplesMin) {
      const text = `not judged: ${life.length} samples of process ${pid} are too few`;
      return [{ rule: "growth", process, isGood: true, text }];
    }
    return growthBounds.map(({ quantity, base, share }) => {
      const spanMs = (life.at(-1)?.atMs ?? 0) - (life[0]?.atMs ?? 0);
      const growth = spanMs * slopeOf(life.map((sample) => [sample.atMs, sample[quantity]]));
      const level = median(life.map((sample) => sample[quantity]));
      const bound = base + share * level;
      const shown = `${show(quantity, growth)} in ${Math.round(spanMs / 1000)} s at a level of ${show(quantity, level)}`;
      const text = `grew by ${shown}; allowed ${show(quantity, bound)}`;
      return { rule: `growth of ${quantity}`, process, isGood: growth <= bound, text };
    });
  });
}

function restFindings(process: string, samples: readonly Sample[], connectionsMax: number): readonly Finding[] {
  const rests = samples.filter(({ phase }) => phase === "rest");
  const [first, last] = [rests[0], rests.at(-1)];
  if (first === undefined || last === undefined || first === last) {
    return [{ rule: "rest", process, isGood: false, text: "was not seen at rest twice" }];
  }
  const returned = (["files", "sockets", "timers", "handles"] as const).map((quantity) => {
    const more = restBound + (countsConnections[quantity] ? connectionsMax : 0);
    const isGood = last[quantity] <= first[quantity] + more;
    const text = `${first[quantity]} in the first rest, ${last[quantity]} in the last; ${more} more are allowed`;
    return { rule: `${quantity} at rest`, process, isGood, text };
  });
  const queue = { rule: "queue at rest", process, isGood: last.queued === 0, text: `${last.queued} operations wait` };
  return [...returned, queue];
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2;
}

function show(quantity: Quantity, amount: number): string {
  return quantity.endsWith("Bytes") ? `${(amount / mib).toFixed(1)} MiB` : amount.toFixed(1);
}
