import { describe, expect, it } from "vitest";
import { breakerOpenMs } from "../../../src/core/limits.js";
import {
  afterFailure,
  afterSignOfLife,
  closedBreaker,
  isProbeDue,
  type Breaker,
  breakerFailuresMax,
} from "../../../src/routing/mailbox/breaker.js";

const failure = { sentMs: 100, nowMs: 100, random: 0, isFinal: false };
const failed = (times: number, start: Breaker = closedBreaker): Breaker =>
  Array.from({ length: times }).reduce<Breaker>((breaker) => afterFailure(breaker, failure), start);

describe("the breaker", () => {
  it("opens at the last failure of the tolerated number in a row", () => {
    expect(failed(breakerFailuresMax - 1).kind).toBe("closed");
    expect(failed(breakerFailuresMax)).toEqual({ kind: "open", probeAtMs: 100 + breakerOpenMs });
  });

  it("opens at once when the storage node says that it is draining, unless the batch was sent before a sign of life", () => {
    const final = { ...failure, isFinal: true };
    expect(afterFailure(closedBreaker, final)).toEqual({ kind: "open", probeAtMs: 100 + breakerOpenMs });
    // A sign of life of its next process was seen already.
    const halfOpen = afterSignOfLife(failed(breakerFailuresMax), 101);
    expect(afterFailure(halfOpen, final)).toBe(halfOpen);
  });

  it("is due for a probe once its pause is over, and not before", () => {
    const open = failed(breakerFailuresMax);
    expect(isProbeDue(open, 99 + breakerOpenMs)).toBe(false);
    expect(isProbeDue(open, 100 + breakerOpenMs)).toBe(true);
    expect(isProbeDue(closedBreaker, 1e9)).toBe(false);
  });

  it("randomizes its pause, so that gateways do not probe at the same time", () => {
    const halfOpen = { kind: "halfOpen", sinceMs: 0 } as const;
    expect(afterFailure(halfOpen, { sentMs: 0, nowMs: 0, random: 1, isFinal: false })).toEqual({
      kind: "open",
      probeAtMs: breakerOpenMs * 0.75,
    });
  });

  it("is not kept open longer by failures of batches that were sent before", () => {
    const open = failed(breakerFailuresMax);
    expect(afterFailure(open, { ...failure, nowMs: 900 })).toBe(open);
  });

  it("becomes half open at a sign of life, and opens again at the next failure", () => {
    const halfOpen = afterSignOfLife(failed(breakerFailuresMax), 500);
    expect(halfOpen).toEqual({ kind: "halfOpen", sinceMs: 500 });
    expect(afterFailure(halfOpen, { sentMs: 500, nowMs: 600, random: 0, isFinal: false }).kind).toBe("open");
  });

  it("is not opened after a sign of life by the failure of a batch that was sent before it", () => {
    const halfOpen = afterSignOfLife(failed(breakerFailuresMax), 500);
    expect(afterFailure(halfOpen, { sentMs: 499, nowMs: 600, random: 0, isFinal: false })).toBe(halfOpen);
  });

  it("does not let a sign of life hide failures while it is closed", () => {
    const almost = failed(breakerFailuresMax - 1);
    expect(afterSignOfLife(almost, 500)).toBe(almost);
  });
});
