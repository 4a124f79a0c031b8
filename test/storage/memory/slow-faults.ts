/** Faults of memory engines that several tests inject. */
import type { MemoryFaults } from "../../../src/storage/memory/memory-engine.js";

export interface SlowFaults extends MemoryFaults {
  fate: ReturnType<MemoryFaults["commit"]>;
  count: number;
}

/** Interleaves steps of other callers with a call's own, in a pseudo-random order that is the same in each run. */
export function slowFaults(): SlowFaults {
  let seed = 1;
  return {
    fate: "happens",
    count: 0,
    async pause() {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      for (let turns = (seed >>> 16) % 4; turns > 0; turns--) await Promise.resolve();
    },
    commit() {
      return this.fate;
    },
    failovers() {
      return this.count;
    },
  };
}
