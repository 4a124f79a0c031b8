import { describe, expect, it } from "vitest";
import { EventStream } from "../../../src/console/model/event-stream.js";
import type { Problem } from "../../../src/console/model/gateway.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FakeStream } from "../rendered.js";

function streamOf() {
  const clock = new FakeClock();
  const opened: FakeStream[] = [];
  const told: unknown[] = [];
  const live: boolean[] = [];
  const refusals: Problem[] = [];
  const losses: (Problem | null)[] = [];
  const stream = new EventStream({
    open: () => {
      const next = new FakeStream();
      opened.push(next);
      return next;
    },
    after: (delayMs, callback) => clock.after(delayMs, callback),
    listeners: { tick: (data) => told.push(data) },
    onLive: (isLive) => live.push(isLive),
    onRefused: (problem) => refusals.push(problem),
    onLost: (problem) => losses.push(problem),
  });
  return { clock, opened, told, live, refusals, losses, stream };
}

describe("EventStream", () => {
  it("passes on events, and is live from the first one", () => {
    const { stream, opened, told, live } = streamOf();
    stream.start();
    stream.start();
    expect([opened.length, live]).toEqual([1, []]);
    opened[0]?.send("tick", { n: 1 });
    expect([told, live]).toEqual([[{ n: 1 }], [true]]);
  });

  it("stays open as long as events arrive", async () => {
    const { stream, opened, clock, live } = streamOf();
    stream.start();
    for (let second = 0; second < 20; second++) {
      opened[0]?.send("tick", {});
      await clock.advance(1_000);
    }
    expect(opened).toHaveLength(1);
    expect(live).not.toContain(false);
  });

  it("opens another stream when one falls silent or fails, again and again", async () => {
    const { stream, opened, clock, live } = streamOf();
    stream.start();
    await clock.advance(3_500);
    expect([opened[0]?.isClosed, live]).toEqual([true, [false]]);
    await clock.advance(1_000);
    expect(opened).toHaveLength(2);
    opened[1]?.fail();
    expect(opened[1]?.isClosed).toBe(true);
    await clock.advance(1_000);
    expect(opened).toHaveLength(3);
  });

  it("reports each loss of a stream, with the gateway's reason, and tries again", async () => {
    const { stream, opened, clock, refusals, losses } = streamOf();
    const problem = { code: "OVERLOADED", message: "Too many consoles.", advice: "" };
    stream.start();
    expect(losses).toEqual([]);
    opened[0]?.fail(problem);
    await clock.advance(1_000);
    opened[1]?.fail();
    await clock.advance(1_000 + 3_500);
    expect([losses, refusals, opened.length]).toEqual([[problem, null, null], [], 3]);
    stream.stop();
    expect(losses).toHaveLength(3);
  });

  it("ignores a stream that it has closed", async () => {
    const { stream, opened, clock, told } = streamOf();
    stream.start();
    opened[0]?.fail();
    await clock.advance(1_000);
    opened[0]?.send("tick", {});
    opened[0]?.fail();
    expect([opened.length, opened[1]?.isClosed, told]).toEqual([2, false, []]);
  });

  it("does not ask again after the gateway has refused it, until it is started again", async () => {
    const { stream, opened, clock, live, refusals } = streamOf();
    const problem = { code: "UNAUTHENTICATED", message: "No.", advice: "Do." };
    stream.start();
    opened[0]?.fail(problem);
    await clock.advance(60_000);
    expect([opened.length, opened[0]?.isClosed, live, refusals]).toEqual([1, true, [false], [problem]]);
    stream.start();
    expect(opened).toHaveLength(2);
  });

  it("leaves nothing running when it stops", () => {
    const { stream, opened, clock, live } = streamOf();
    stream.start();
    stream.stop();
    stream.stop();
    expect([opened[0]?.isClosed, clock.pendingTimers, live.at(-1)]).toEqual([true, 0, false]);
  });
});
