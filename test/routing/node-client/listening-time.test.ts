import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { afterListening, attemptSliceMs } from "../../../src/routing/node-client/listening-time.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the timeout of a gateway that listens", () => {
  it.each([1, attemptSliceMs, 2 * attemptSliceMs, 2 * attemptSliceMs + 1])("passes after %i ms", (timeoutMs) => {
    const onOver = vi.fn();
    afterListening(timeoutMs, onOver);
    vi.advanceTimersByTime(timeoutMs - 1);
    expect(onOver).not.toHaveBeenCalled();
    // One turn for the timer, and one for the sockets.
    vi.advanceTimersByTime(2);
    expect(onOver).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(10 * timeoutMs);
    expect(onOver).toHaveBeenCalledOnce();
  });

  it("never passes when it was cancelled, not even in the last turn", () => {
    const onOver = vi.fn();
    for (const passedMs of [0, attemptSliceMs, 2 * attemptSliceMs]) {
      const stop = afterListening(2 * attemptSliceMs, onOver);
      if (passedMs > 0) vi.advanceTimersByTime(passedMs - 1);
      stop();
      vi.advanceTimersByTime(10 * attemptSliceMs);
    }
    expect(onOver).not.toHaveBeenCalled();
  });
});
