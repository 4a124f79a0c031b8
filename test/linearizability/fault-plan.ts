/**
 * Which process suffers which fault, when and for how long, determined by the seed alone. Time is counted in completed
 * operations, so that faults hit nearly the same operations on a slow machine as on a fast one.
 */
import type { Random } from "./random.js";

/**
 * "kill" is SIGKILL, "pause" SIGSTOP until SIGCONT, "stop" SIGTERM; an ended process is started again on the same data.
 */
export type FaultKind = "kill" | "pause" | "stop";

export interface Fault {
  readonly kind: FaultKind;
  readonly process: string;
  /** Begins when this many operations have ended. */
  readonly from: number;
  /** Ends when this many operations have ended. */
  readonly until: number;
}

const kinds: readonly FaultKind[] = ["kill", "pause", "stop"];

/**
 * Faults over `operations`, without any in the first and the last tenth. Each process and kind has its turn before any
 * has a second one; consecutive faults may overlap, but never in the same process.
 */
export function faultPlan(random: Random, processes: readonly string[], operations: number): readonly Fault[] {
  const pairs = processes.flatMap((process) => kinds.map((kind) => ({ process, kind })));
  const step = Math.max(1, Math.floor((operations * 0.8) / pairs.length));
  const faults: Fault[] = [];
  for (const [index, pair] of shuffled(random, pairs).entries()) {
    const from = Math.floor(operations * 0.1) + index * step + random.between(0, Math.floor(step / 4));
    const until = from + random.between(Math.ceil(step / 4), step);
    const sameProcess = faults.findLast(({ process }) => process === pair.process);
    faults.push({
      ...pair,
      from: Math.max(from, (sameProcess?.until ?? 0) + 1),
      until: Math.max(until, (sameProcess?.until ?? 0) + 2),
    });
  }
  return faults;
}

function shuffled<T>(random: Random, items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, place: random.next() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
