/** What counts as a broken promise, and what an operator's word makes void. */
import { expect, it } from "vitest";
import { Promises } from "./promises.js";

const shards = 4;
const all = new Set([0, 1, 2, 3]);

function complaintsAfter(steps: (promises: Promises) => void): readonly string[] {
  const promises = new Promises(shards);
  steps(promises);
  return promises.complaints;
}

it("reports an acknowledged write that is not found, and an older one in its place", () => {
  const written = (promises: Promises): void => {
    promises.acknowledge("a", 1, 5);
    promises.acknowledge("a", 2, 6);
  };
  expect(complaintsAfter((promises) => (written(promises), promises.judge("a", { value: 2, version: 6 })))).toEqual([]);
  expect(complaintsAfter((promises) => (written(promises), promises.judge("a", null)))).toHaveLength(1);
  expect(
    complaintsAfter((promises) => (written(promises), promises.judge("a", { value: 1, version: 5 }))),
  ).toHaveLength(1);
});

it("accepts a write of unknown outcome", () => {
  const lost = (promises: Promises): void => (promises.acknowledge("a", 1, 5), promises.unknown("a", 2));
  expect(complaintsAfter((promises) => (lost(promises), promises.judge("a", { value: 2, version: 6 })))).toEqual([]);
  expect(complaintsAfter((promises) => (lost(promises), promises.judge("a", { value: 1, version: 5 })))).toEqual([]);
});

it("reports a version that a shard gives twice, even to another key, and versions that decrease", () => {
  expect(
    complaintsAfter((promises) => (promises.acknowledge("a", 1, 5), promises.acknowledge("a", 2, 4))),
  ).toHaveLength(1);
  const twice = (promises: Promises): void => {
    // Both keys are of one shard.
    for (const key of ["user123", "user127"]) promises.acknowledge(key, 1, 5);
  };
  expect(complaintsAfter(twice)).toEqual([expect.stringMatching(/was given twice/)]);
});

it("reports a write for an outdated version that succeeds", () => {
  expect(complaintsAfter((promises) => promises.overwritten("a", 4, 7))).toHaveLength(1);
});

it("forgets the keys of a shard whose loss an operator accepts, but not the versions that were given", () => {
  const promises = new Promises(shards);
  promises.acknowledge("a", 1, 5);
  expect(promises.keys).toEqual(["a"]);
  promises.giveUp(all);
  promises.judge("a", null);
  promises.overwritten("a", 4, 7);
  expect(promises.keys).toEqual([]);
  expect(promises.isGivenUp("a")).toBe(true);
  expect(promises.complaints).toEqual([]);
  promises.acknowledge("a", 2, 5);
  expect(promises.complaints).toHaveLength(1);
});
