import { describe, expect, it } from "vitest";
import { awaitedRegistry, StoppedWaiting, untilServersAnswer } from "../../../src/cli/servers/awaited-servers.js";
import { ShardgateError } from "../../../src/core/error.js";
import { FakeClock } from "../../support/fake-clock.js";
import { RecordLog } from "../../support/record-log.js";

function waiting(causes: readonly (string | Error)[]) {
  const clock = new FakeClock();
  const log = new RecordLog();
  const stop = new AbortController();
  let attempts = 0;
  const opened = untilServersAnswer(
    async () => {
      const cause = causes[attempts++];
      if (cause === undefined) return "opened";
      throw typeof cause === "string" ? new ShardgateError("REGISTRY_UNAVAILABLE", cause) : cause;
    },
    awaitedRegistry,
    { clock, log, signal: stop.signal },
  );
  opened.catch(() => undefined);
  return { clock, log, stop, opened, attempts: () => attempts };
}

describe("untilServersAnswer", () => {
  it("opens a registry that answers at once, and logs nothing", async () => {
    const { opened, log } = waiting([]);
    expect(await opened).toBe("opened");
    expect(log.lines).toEqual([]);
  });

  it("tries once a second until the registry answers, and logs each new cause once", async () => {
    const { clock, opened, log, attempts } = waiting(["Refused.", "Refused.", "No leader."]);
    await clock.advance(999);
    expect(attempts()).toBe(1);
    await clock.advance(2_001);
    expect(await opened).toBe("opened");
    expect(attempts()).toBe(4);
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ["warn", "The gateway waits for its registry before it serves, and tries again every second. Refused."],
      ["warn", "The gateway waits for its registry before it serves, and tries again every second. No leader."],
    ]);
  });

  it("does not wait for a registry that cannot be used for another reason", async () => {
    const wrong = new ShardgateError("SHARD_COUNT_MISMATCH", "The cluster has 8 shards.");
    await expect(waiting([wrong]).opened).rejects.toBe(wrong);
    const fault = new TypeError("x is not a function");
    await expect(waiting([fault]).opened).rejects.toBe(fault);
  });

  it("ends when the process is asked to stop, during the pause or before it", async () => {
    const { clock, stop, opened, attempts } = waiting(["Refused.", "Refused.", "Refused."]);
    await clock.advance(1_500);
    stop.abort();
    await expect(opened).rejects.toBeInstanceOf(StoppedWaiting);
    expect(attempts()).toBe(2);
    const other = waiting(["Refused."]);
    other.stop.abort();
    await expect(other.opened).rejects.toBeInstanceOf(StoppedWaiting);
    expect(other.attempts()).toBe(1);
  });
});
