import { expect, it } from "vitest";
import { idSequence } from "../../../src/core/tasks/id-sequence.js";

it("generates ids that differ, even from those of another sequence", () => {
  const [next, nextBatch] = [idSequence(1_000), idSequence(1_000, "b")];
  expect([next(), next(), nextBatch()]).toEqual(["rs-1", "rs-2", "brs-1"]);
});
