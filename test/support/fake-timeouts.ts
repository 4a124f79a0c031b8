/** Time for libraries that have no clock as a parameter: their timeouts fire when a test moves on, sockets stay real. */
import { vi } from "vitest";

/** Until `vi.useRealTimers()`. */
export function useFakeTimeouts(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
}

/** Moves time on by 50 ms at each look, which is about ten times as fast as it passes, until `attempt` does not throw. */
export function advanceUntil(attempt: () => void): Promise<void> {
  return vi.waitFor(() => {
    vi.advanceTimersByTime(50);
    attempt();
  });
}
