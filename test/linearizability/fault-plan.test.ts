/** The plan of faults: determined by the seed, complete, and never two faults of one process at a time. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { faultPlan } from "./fault-plan.js";
import { Random } from "./random.js";

const processes = ["gateway", "node1", "node2"];

it("is the same for the same seed and different for another", () => {
  const plan = faultPlan(new Random(7), processes, 5_000);
  expect(faultPlan(new Random(7), processes, 5_000)).toEqual(plan);
  expect(faultPlan(new Random(8), processes, 5_000)).not.toEqual(plan);
});

it("applies every fault to every process, one at a time and in order", () => {
  const property = fc.property(fc.integer(), fc.integer({ min: 500, max: 50_000 }), (seed, operations) => {
    const plan = faultPlan(new Random(seed), processes, operations);
    const pairs = plan.map(({ kind, process }) => `${kind} ${process}`).toSorted();
    expect(pairs).toEqual(
      processes.flatMap((process) => ["kill", "pause", "stop"].map((kind) => `${kind} ${process}`)).toSorted(),
    );
    for (const process of processes) {
      let free = operations / 10 - 1;
      for (const { from, until } of plan.filter((fault) => fault.process === process)) {
        expect(from).toBeGreaterThan(free);
        expect(until).toBeGreaterThan(from);
        free = until;
      }
      expect(free).toBeLessThan(operations);
    }
  });
  fc.assert(property);
});
