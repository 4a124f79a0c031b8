import { describe, expect, it } from "vitest";
import { closeWithin, listenForStop, within } from "../../../src/cli/serve/stop-request.js";
import { FakeClock } from "../../support/fake-clock.js";
import { testEnvironment } from "../test-environment.js";

const never = new Promise<void>(() => undefined);

describe("listenForStop", () => {
  it("keeps the first reason and ignores later ones", async () => {
    const environment = testEnvironment();
    const stop = listenForStop(environment);
    expect(stop.signal.aborted).toBe(false);
    environment.send("SIGINT");
    environment.send("SIGTERM");
    expect(await stop.requested).toBe("SIGINT");
    expect(stop.signal.aborted).toBe(true);
    stop.dispose();
    expect(environment.handlers.size).toBe(0);
  });
});

describe("within", () => {
  it("gives the value of work that ends in time and leaves no timer", async () => {
    const clock = new FakeClock();
    expect(await within(Promise.resolve(5), 100, clock)).toBe(5);
    await expect(within(Promise.reject(new Error("no")), 100, clock)).rejects.toThrow("no");
    expect(clock.pendingTimers).toBe(0);
  });

  it("gives up work that takes too long", async () => {
    const clock = new FakeClock();
    const result = within(never, 100, clock);
    await clock.advance(100);
    expect(await result).toBeNull();
  });
});

describe("closeWithin", () => {
  it("fails when closing takes too long", async () => {
    const clock = new FakeClock();
    const closing = closeWithin(never, 100, clock);
    const failure = expect(closing).rejects.toThrow("Stopping took longer than 100 ms");
    await clock.advance(100);
    await failure;
    await closeWithin(Promise.resolve(), 100, clock);
  });
});
