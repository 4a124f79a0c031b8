import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../src/core/error.js";
import { NoAnswer, Peer, peerCallTimeoutMs, peerCallsMax } from "../../src/wire/peer.js";
import { FakeClock } from "../support/fake-clock.js";
import { linePair } from "../support/line-pair.js";
import { RecordLog } from "../support/record-log.js";

type Far = {
  readonly double: (number: number) => number;
  readonly slow: (nothing: null) => Promise<string>;
  readonly refuse: (nothing: null) => never;
  readonly note: (text: string) => void;
};

function setUp() {
  const line = linePair();
  const clock = new FakeClock();
  const log = new RecordLog();
  const noted: string[] = [];
  let release = (_text: string): void => undefined;
  const calls = {
    double: (number: number) => 2 * number,
    slow: () => new Promise<string>((resolve) => (release = resolve)),
    refuse: () => {
      throw new ShardgateError("EPOCH_CONFLICT", "Shard 3 has epoch 7.", { shard: 3, epoch: 7 });
    },
    break: () => {
      throw new Error("secret");
    },
    note: (text: string) => void noted.push(text),
  };
  const far = new Peer<Record<string, never>>({ line: line.ends[1], calls, clock, log });
  const near = new Peer<Far>({ line: line.ends[0], calls: {}, clock, log });
  return { line, clock, log, noted, near, far, release: (text: string) => release(text) };
}

describe("Peer", () => {
  it("gives each call its own answer, whatever the order", async () => {
    const { near, release } = setUp();
    const slow = near.ask("slow", null);
    expect(await Promise.all([near.ask("double", 1), near.ask("double", 4)])).toEqual([2, 8]);
    release("done");
    expect(await slow).toBe("done");
  });

  it("transfers a refusal with code, message and details", async () => {
    const { near } = setUp();
    const error = await near.ask("refuse", null).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ShardgateError);
    expect(error).toMatchObject({
      code: "EPOCH_CONFLICT",
      message: "Shard 3 has epoch 7.",
      details: { shard: 3, epoch: 7 },
    });
  });

  it("reveals only that there was a bug, and logs the bug where it happened", async () => {
    const { near, log } = setUp();
    const ask = (name: string) => near.ask(name as "slow", null);
    await expect(ask("break")).rejects.toMatchObject({
      code: "INTERNAL_SERVER_ERROR",
      message: "The call break failed.",
    });
    await expect(ask("unknown")).rejects.toMatchObject({ code: "INTERNAL_SERVER_ERROR" });
    expect(log.lines.map(({ level, facts }) => [level, facts["call"]])).toEqual([
      ["error", "break"],
      ["error", "unknown"],
    ]);
  });

  it("treats an unknown code as a failure of the other side", async () => {
    const { near, line } = setUp();
    const slow = near.ask("slow", null);
    line.ends[1].send({ kind: "answer", id: 1, refusal: { code: "NEWER", message: "A newer program.", details: {} } });
    await expect(slow).rejects.toMatchObject({ code: "INTERNAL_SERVER_ERROR", message: "A newer program." });
  });

  it("gets no answer to a tell, and ignores messages of others on the line", async () => {
    const { near, noted, line } = setUp();
    for (const message of [null, "text", 1, {}, { kind: "other" }, { kind: "answer", id: 99, result: 1 }]) {
      line.ends[1].send(message);
      line.ends[0].send(message);
    }
    near.tell("note", "one");
    near.tell("note", "two");
    expect(await near.ask("double", 3)).toBe(6);
    expect(noted).toEqual(["one", "two"]);
  });

  it("gives up at the deadline, and ignores an answer that arrives later", async () => {
    const { near, clock, release } = setUp();
    const slow = near.ask("slow", null);
    const failed = expect(slow).rejects.toThrow(NoAnswer);
    expect(await near.ask("double", 1)).toBe(2);
    await clock.advance(peerCallTimeoutMs);
    await failed;
    release("late");
    expect(await near.ask("double", 2)).toBe(4);
  });

  it("rejects waiting and later calls when the other process has ended", async () => {
    const { near, line } = setUp();
    const slow = near.ask("slow", null);
    near.close();
    await expect(slow).rejects.toThrow("ended before it answered");
    await expect(near.ask("double", 1)).rejects.toThrow(NoAnswer);
    const before = line.sent.length;
    near.tell("note", "lost");
    expect(line.sent.length).toBe(before);
  });

  it("answers no calls once it is closed", async () => {
    const { near, far, line, release } = setUp();
    const slow = near.ask("slow", null);
    expect(await near.ask("double", 1)).toBe(2);
    far.close();
    const before = line.sent.length;
    release("late");
    await new Promise((resolve) => setImmediate(resolve));
    expect(line.sent.length).toBe(before);
    near.close();
    await expect(slow).rejects.toThrow(NoAnswer);
  });

  it("refuses calls when too many wait", async () => {
    const { near, line } = setUp();
    line.cut();
    const waiting = Array.from({ length: peerCallsMax }, () => near.ask("slow", null).catch(() => "given up"));
    await expect(near.ask("slow", null)).rejects.toMatchObject({ code: "OVERLOADED" });
    near.close();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["given up"]));
  });
});
