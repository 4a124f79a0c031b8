import { expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { FailureStreak } from "../../../src/storage-node/shards/failure-streak.js";

it("finds a failure new when it differs from the last one, or the engine has succeeded since", () => {
  const streak = new FailureStreak();
  const full = new ShardgateError("STORAGE_FULL", "full");
  const lost = new ShardgateError("SHARD_UNAVAILABLE", "lost");
  expect([full, full, lost, lost, full, new Error("x"), new Error("x")].map((error) => streak.isNew(error))).toEqual([
    true,
    false,
    true,
    false,
    true,
    true,
    false,
  ]);
  streak.ended();
  expect(streak.isNew(new Error("x"))).toBe(true);
});
