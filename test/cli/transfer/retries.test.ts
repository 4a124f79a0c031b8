import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { retriesOf, clientPauseMs } from "../../../src/cli/transfer/retries.js";
import { pauseAfter } from "../../../src/client/request/repeat.js";
import { FakeClock } from "../../support/fake-clock.js";

it("does not wait when the work has been cancelled already", async () => {
  const clock = new FakeClock();
  await pauseAfter(1, retriesOf({ clock, random: () => 1, signal: AbortSignal.abort() }));
  expect(clock.pendingTimers).toBe(0);
});

it("leaves no listener behind, whether the pause ends, or is cut short or cancelled", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const retries = retriesOf({ clock, random: () => 1, signal: stop.signal });
  const over = pauseAfter(1, retries);
  await clock.advance(clientPauseMs);
  await over;
  expect(getEventListeners(stop.signal, "abort")).toEqual([]);
  retries.after(1, () => expect.unreachable())();
  expect([clock.pendingTimers, getEventListeners(stop.signal, "abort")]).toEqual([0, []]);
  const givenUp = pauseAfter(1, retries);
  stop.abort();
  await givenUp;
  expect(getEventListeners(stop.signal, "abort")).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});
