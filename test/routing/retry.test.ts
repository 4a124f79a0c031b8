import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../../src/core/error.js";
import type { Operation, Outcome } from "../../src/core/operation.js";
import { refused } from "../../src/routing/refusal.js";
import {
  firstStage,
  pauseAfter,
  stageAfter,
  stepsAfter,
  attemptsMax,
  retryPauseMs,
  retryPauseMsMax,
} from "../../src/routing/retry.js";
import { get, put } from "../support/operations.js";

const stepFor = (operation: Operation, code: ErrorCode, stage = firstStage) =>
  stepsAfter([operation], [refused(code, "")], stage)[0];

describe("stepsAfter", () => {
  it.each(["SHARD_UNAVAILABLE", "DRAINING"] as const)(
    "retries %s, for reads and writes, up to the last attempt",
    (code) => {
      expect(stepFor(get("a"), code)).toBe("retry");
      expect(stepFor(put("a", "1"), code)).toBe("retry");
      expect(stepFor(get("a"), code, { attempt: attemptsMax, isRefreshed: false })).toBe("done");
    },
  );

  it.each(["STALE_EPOCH", "SHARD_NOT_HOSTED"] as const)("refreshes the cluster map once for %s", (code) => {
    expect(stepFor(put("a", "1"), code)).toBe("refresh");
    expect(stepFor(put("a", "1"), code, { attempt: 1, isRefreshed: true })).toBe("done");
  });

  it("resends operations for which an answer had no room, on any attempt", () => {
    expect(stepFor(get("a"), "BATCH_ANSWER_FULL", { attempt: attemptsMax, isRefreshed: true })).toBe("resend");
  });

  it.each(["OUTCOME_UNKNOWN", "STORAGE_FULL", "OVERLOADED", "NOT_SUPPORTED"] as const)("does not retry %s", (code) => {
    expect(stepFor(put("a", "1"), code)).toBe("done");
  });

  it.each(["SHARD_UNAVAILABLE", "DRAINING", "NODE_CONFLICT", "CLUSTER_MISMATCH"] as const)(
    "waits after %s, on any attempt, where another storage node may serve the shard soon",
    (code) => {
      const late = { attempt: attemptsMax, isRefreshed: true };
      expect(stepsAfter([put("a", "1"), get("a")], [refused(code, ""), refused(code, "")], late, true)).toEqual([
        "wait",
        "wait",
      ]);
    },
  );

  it.each(["STALE_EPOCH", "SHARD_NOT_HOSTED"] as const)(
    "waits after %s once the cluster map was refreshed, where another storage node may serve the shard soon",
    (code) => {
      const steps = (isRefreshed: boolean) =>
        stepsAfter([get("a")], [refused(code, "")], { attempt: 1, isRefreshed }, true);
      expect([steps(false), steps(true)]).toEqual([["refresh"], ["wait"]]);
    },
  );

  it("does not retry any outcome that is not a refusal", () => {
    expect(stepsAfter([get("a")], [{ kind: "notFound" }], firstStage)).toEqual(["done"]);
  });

  it("never repeats a write after a later one of its key that happened or may have", () => {
    const written: Outcome = { kind: "written", isNew: true, facts: {} as never };
    const operations = [put("a", "1"), put("b", "1"), put("a", "2"), get("a")];
    const failed = refused("SHARD_UNAVAILABLE", "");
    expect(stepsAfter(operations, [failed, failed, written, failed], firstStage)).toEqual([
      "done",
      "retry",
      "done",
      "retry",
    ]);
    expect(stepsAfter(operations, [failed, failed, refused("OUTCOME_UNKNOWN", ""), failed], firstStage)[0]).toBe(
      "done",
    );
    expect(stepsAfter(operations, [failed, failed, failed, failed], firstStage)[0]).toBe("retry");
  });
});

describe("stageAfter", () => {
  it("counts retries and refreshes, but not operations that are merely resent", () => {
    expect(stageAfter(["done", "resend"], firstStage)).toEqual(firstStage);
    expect(stageAfter(["retry", "resend"], firstStage)).toEqual({ attempt: 2, isRefreshed: false });
    expect(stageAfter(["refresh"], firstStage)).toEqual({ attempt: 1, isRefreshed: true });
  });
});

describe("pauseAfter", () => {
  it("doubles its bound with each attempt, up to the longest", () => {
    expect([1, 2, 3].map((attempt) => pauseAfter(attempt, 1))).toEqual([1, 2, 4].map((times) => times * retryPauseMs));
    expect(pauseAfter(30, 1)).toBe(retryPauseMsMax);
  });

  it("may be zero", () => {
    expect(pauseAfter(3, 0)).toBe(0);
  });
});
