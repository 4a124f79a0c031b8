import { describe, expect, it, vi } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { engineTimeoutMs, keyBytesMax, nodeAnswerBytesMax, nodeBatchAnswerBytesMax } from "../../../src/core/limits.js";
import type { Version } from "../../../src/core/version.js";
import { encodeBatchAnswer } from "../../../src/wire/batch/batch-body.js";
import { settle } from "../../support/fake-clock.js";
import { assignments, get, put, remove, scan } from "../operations.js";
import { codes, kinds, openHost as setUp } from "../running-host.js";
import { sweepIntervalMs } from "../../../src/storage-node/shards/sweeper.js";

const megabyte = `"${"x".repeat(1024 * 1024 - 2)}"`;

describe("ShardHost.execute", () => {
  it("runs nothing for an empty batch", async () => {
    const { host, engine } = await setUp();
    expect(await host.execute([])).toEqual([]);
    expect([engine.reads, engine.writes]).toEqual([[], []]);
  });

  it("answers in order, with one read and one write of the engine", async () => {
    const { host, engine } = await setUp();
    await host.execute([put("a", "1")]);
    const outcomes = await host.execute([get("a"), put("b", "2"), get("c"), remove("d"), scan({ shard: 3 })]);
    expect(kinds(outcomes)).toEqual(["found", "written", "notFound", "notFound", "page"]);
    expect([engine.reads, engine.writes]).toEqual([[3], [1, 2]]);
  });

  it("keeps the order of operations on one key", async () => {
    const { host } = await setUp();
    const outcomes = await host.execute([
      get("a"),
      put("a", "1"),
      get("a"),
      put("a", "2"),
      scan(),
      remove("a"),
      get("a"),
    ]);
    expect(kinds(outcomes)).toEqual(["notFound", "written", "found", "written", "page", "deleted", "notFound"]);
    expect(outcomes[2]).toMatchObject({ entry: { value: "1" } });
    expect(outcomes[4]).toMatchObject({ entries: [{ key: "a", value: "2" }] });
  });

  it("refuses reads and writes under another epoch without affecting the others", async () => {
    const { host } = await setUp();
    await host.applyAssignments(assignments(1, { 2: 5 }));
    const outcomes = await host.execute([
      put("a", "1", { epoch: 4 }),
      put("b", "1", { epoch: 5 }),
      get("b", 6),
      get("b", 5),
    ]);
    expect(codes(outcomes)).toEqual(["STALE_EPOCH", null, "SHARD_NOT_HOSTED", null]);
    expect(outcomes[0]).toMatchObject({ epoch: 5 });
  });

  it("refuses a scan whose bound cannot be a part of a key", async () => {
    const { host, engine } = await setUp();
    const long = "x".repeat(keyBytesMax + 1);
    const outcomes = await host.execute([
      scan({ prefix: long }),
      scan({ after: long }),
      scan({ prefix: "\ud800" }),
      get("a"),
    ]);
    expect(codes(outcomes)).toEqual(["BAD_REQUEST", "BAD_REQUEST", "BAD_REQUEST", null]);
    expect(engine.reads).toEqual([1]);
  });

  it("refuses only the reads when the engine cannot read", async () => {
    const { host, engine, log } = await setUp();
    engine.readFailure = new Error("No disk.");
    expect(codes(await host.execute([get("a"), put("b", "1"), get("c")]))).toEqual([
      "STORAGE_FAILED",
      null,
      "STORAGE_FAILED",
    ]);
    expect(log.lines).toMatchObject([{ level: "error", facts: { operations: 2 } }]);
  });

  it.each([
    [new ShardgateError("STORAGE_FULL", "/secret"), "STORAGE_FULL"],
    [new ShardgateError("OUTCOME_UNKNOWN", "/secret"), "SHARD_UNAVAILABLE"],
    [new ShardgateError("SHARD_UNAVAILABLE", "connect ECONNREFUSED secret.internal:5432"), "SHARD_UNAVAILABLE"],
  ])("answers a read with a code that says what to do when the engine rejects with %s", async (failure, code) => {
    const { host, engine } = await setUp();
    engine.readFailure = failure;
    const [outcome] = await host.execute([get("a")]);
    expect(outcome).toMatchObject({ code, message: expect.not.stringMatching(/secret|written/) });
  });

  it("refuses reads that the engine does not answer in time", async () => {
    const { host, engine, clock, log } = await setUp();
    engine.holdReads();
    const reading = host.execute([get("a"), scan()]);
    await clock.advance(engineTimeoutMs);
    expect(codes(await reading)).toEqual(["SHARD_UNAVAILABLE", "SHARD_UNAVAILABLE"]);
    expect(log.lines).toMatchObject([{ level: "error", facts: { operations: 2 } }]);
    engine.release();
  });

  it("answers reads for which the engine returns no outcome", async () => {
    const { host, engine } = await setUp();
    engine.losesOutcomes = true;
    expect(codes(await host.execute([get("a")]))).toEqual(["STORAGE_FAILED"]);
  });

  it("answers at most as many bytes as an answer may have, over all stages and including conflicts", async () => {
    const { host } = await setUp();
    const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);
    for (const key of keys) await host.execute([put(key, megabyte)]);
    const never = { kind: "ifVersion", version: "999" as Version } as const;
    const outcomes = await host.execute([
      put("k0", "1", { condition: never }),
      ...keys.slice(1, 6).map((key) => get(key)),
      ...keys.slice(1, 12).map((key) => put(key, "1", { condition: never })),
      ...keys.slice(1, 3).map((key) => get(key)),
    ]);
    expect(outcomes[0]?.kind).toBe("conflict");
    expect(kinds(outcomes.slice(1, 6))).toEqual(Array.from({ length: 5 }, () => "found"));
    expect(kinds(outcomes).filter((kind) => kind !== "refused")).toHaveLength(nodeBatchAnswerBytesMax / 1024 / 1024);
    expect(new Set(codes(outcomes))).toEqual(new Set([null, "BATCH_ANSWER_FULL"]));
  });

  it("answers a batch of writes with no more conflicts than fit into an answer", async () => {
    const { host } = await setUp();
    const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);
    for (const key of keys) await host.execute([put(key, megabyte)]);
    const never = { kind: "ifVersion", version: "999" as Version } as const;
    const writes = [...keys.map((key) => put(key, "1", { condition: never })), put("new", "2")];
    const outcomes = await host.execute(writes);
    const roomFor = nodeBatchAnswerBytesMax / 1024 / 1024;
    expect(kinds(outcomes.slice(0, roomFor))).toEqual(Array.from({ length: roomFor }, () => "conflict"));
    expect(new Set(codes(outcomes.slice(roomFor, 12)))).toEqual(new Set(["BATCH_ANSWER_FULL"]));
    expect(outcomes[12]?.kind).toBe("written");
  });

  it.each([
    ["short", (index: number) => `k${index}`],
    ["long", (index: number) => `${'"'.repeat(keyBytesMax - 4)}${1000 + index}`],
  ])("never sends the gateway an answer longer than it accepts, even for many pages of %s keys", async (_, keyOf) => {
    const { host } = await setUp();
    await host.execute(Array.from({ length: 1000 }, (__, index) => put(keyOf(index), "1")));
    const outcomes = await host.execute(Array.from({ length: 250 }, () => scan()));
    expect(outcomes[0]).toMatchObject({ kind: "page", hasMore: false });
    expect(codes(outcomes).at(-1)).toBe("BATCH_ANSWER_FULL");
    const answer = encodeBatchAnswer(outcomes).length;
    expect(answer).toBeGreaterThan(nodeBatchAnswerBytesMax / 2);
    expect(answer).toBeLessThan(nodeAnswerBytesMax);
  });

  it("answers the first operation even when others filled the answer before it ran", async () => {
    const { host } = await setUp();
    const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
    for (const key of keys) await host.execute([put(key, megabyte)]);
    const others = keys.slice(1).map((key) => get(key));
    const outcomes = await host.execute([put("k0", "1", { condition: { kind: "ifAbsent" } }), ...others]);
    expect(kinds(outcomes)).toEqual(["conflict", ...Array.from({ length: 8 }, () => "found"), "refused"]);
  });
});

describe("ShardHost.drain", () => {
  it("finishes accepted batches with all their stages, and refuses the others", async () => {
    const { host, engine, clock } = await setUp();
    engine.hold();
    const accepted = host.execute([put("a", "1"), get("a"), put("a", "2")]);
    await settle();
    const drained = vi.fn();
    const draining = host.drain().then(drained);
    expect(codes(await host.execute([get("a"), put("b", "1")]))).toEqual(["DRAINING", "DRAINING"]);
    await settle();
    expect(drained).not.toHaveBeenCalled();
    engine.release();
    expect(kinds(await accepted)).toEqual(["written", "found", "written"]);
    await draining;
    await clock.advance(5 * sweepIntervalMs);
    expect(engine.sweeps).toEqual([]);
  });

  it("can be cut short, which refuses writes that wait for a commit", async () => {
    const { host, engine } = await setUp();
    engine.hold();
    const first = host.execute([put("a", "1")]);
    await settle();
    const second = host.execute([put("b", "1")]);
    await settle();
    host.abandon();
    expect(codes(await second)).toEqual(["DRAINING"]);
    engine.release();
    expect(kinds(await first)).toEqual(["written"]);
  });
});
