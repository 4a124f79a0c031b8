import { describe, expect, it, vi } from "vitest";
import { ShardgateError } from "../../src/core/error.js";
import { keyBytesMax, nodeAnswerBytesMax, nodeBatchAnswerBytesMax, sweepIntervalMs } from "../../src/core/limits.js";
import type { Outcome } from "../../src/core/operation.js";
import type { Version } from "../../src/core/version.js";
import { ShardHost } from "../../src/storage-node/shard-host.js";
import { encodeBatchAnswer } from "../../src/wire/batch-body.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { assignments, get, put, remove, scan } from "./operations.js";
import { ScriptedEngine } from "./scripted-engine.js";

async function setUp(engine = new ScriptedEngine()) {
  const clock = new FakeClock();
  const log = new RecordLog();
  return { engine, clock, log, host: await ShardHost.open({ engine, clock, log }) };
}

const kinds = (outcomes: readonly Outcome[]) => outcomes.map(({ kind }) => kind);
const codes = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => (outcome.kind === "refused" ? outcome.code : null));
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
    expect(engine.reads).toEqual([3]);
    expect(engine.writes).toEqual([1, 2]);
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

  it("refuses reads and writes under another epoch without touching their neighbours", async () => {
    const { host } = await setUp();
    await host.applyAssignments(assignments(1, { 2: 5 }));
    const outcomes = await host.execute([
      put("a", "1", { epoch: 4 }),
      put("b", "1", { epoch: 5 }),
      get("b", 6),
      get("b", 5),
    ]);
    expect(codes(outcomes)).toEqual(["STALE_EPOCH", null, "STALE_EPOCH", null]);
    expect(outcomes[0]).toMatchObject({ epoch: 5 });
  });

  it("refuses a scan whose boundary is no part of any key", async () => {
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

  it("answers at most as many bytes as an answer may have, over all stages and conflicts too", async () => {
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

  it.each([
    ["short", (index: number) => `k${index}`],
    ["long", (index: number) => `${'"'.repeat(keyBytesMax - 4)}${1000 + index}`],
  ])("gives the gateway no longer answer than it takes, also for many pages of %s keys", async (_, keyOf) => {
    const { host } = await setUp();
    await host.execute(Array.from({ length: 1000 }, (__, index) => put(keyOf(index), "1")));
    const outcomes = await host.execute(Array.from({ length: 250 }, () => scan()));
    expect(outcomes[0]).toMatchObject({ kind: "page", hasMore: false });
    expect(codes(outcomes).at(-1)).toBe("BATCH_ANSWER_FULL");
    const answer = encodeBatchAnswer(outcomes).length;
    expect(answer).toBeGreaterThan(nodeBatchAnswerBytesMax / 2);
    expect(answer).toBeLessThan(nodeAnswerBytesMax);
  });

  it("answers the first operation also when others filled the answer before it ran", async () => {
    const { host } = await setUp();
    const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
    for (const key of keys) await host.execute([put(key, megabyte)]);
    const others = keys.slice(1).map((key) => get(key));
    const outcomes = await host.execute([put("k0", "1", { condition: { kind: "ifAbsent" } }), ...others]);
    expect(kinds(outcomes)).toEqual(["conflict", ...Array.from({ length: 8 }, () => "found"), "refused"]);
  });
});

describe("ShardHost's assignments", () => {
  it("are unknown at first, and remembered over a restart", async () => {
    const { host, engine } = await setUp();
    expect([host.mapVersion, host.clusterId]).toEqual([null, null]);
    await host.applyAssignments(assignments(7, { 1: 3, 2: 5 }));
    expect([host.mapVersion, host.clusterId]).toEqual([7, "c1"]);
    await host.drain();
    const { host: again } = await setUp(engine);
    expect([again.mapVersion, again.clusterId]).toEqual([7, "c1"]);
    expect(codes(await again.execute([get("a", 5), get("a", 4), get("a", null, 0)]))).toEqual([
      null,
      "STALE_EPOCH",
      "SHARD_NOT_HOSTED",
    ]);
  });

  it("are written once, and not at all when they are not newer", async () => {
    const { host, engine } = await setUp();
    await host.applyAssignments(assignments(7, { 2: 5 }));
    await host.applyAssignments(assignments(7, { 2: 5 }));
    await host.applyAssignments(assignments(6, { 2: 4 }));
    expect(engine.documentWrites).toBe(1);
    expect(codes(await host.execute([get("a", 5)]))).toEqual([null]);
  });

  it("stay as they were when they cannot be written", async () => {
    const { host, engine } = await setUp();
    await host.applyAssignments(assignments(7, { 2: 5 }));
    engine.documentFailure = new ShardgateError("STORAGE_FULL", "The disk is full.");
    await expect(host.applyAssignments(assignments(8, { 2: 6 }))).rejects.toThrow("The disk is full.");
    expect(host.mapVersion).toBe(7);
    expect(codes(await host.execute([get("a", 5)]))).toEqual([null]);
  });

  it("refuse another cluster's", async () => {
    const { host } = await setUp();
    await host.applyAssignments(assignments(7, { 2: 5 }));
    await expect(host.applyAssignments({ ...assignments(8, {}), clusterId: "c2" })).rejects.toMatchObject({
      code: "CLUSTER_MISMATCH",
    });
  });

  it("let each epoch's versions begin above those of the epochs before, also without an epoch and after a restart", async () => {
    const version = async ({ host }: Awaited<ReturnType<typeof setUp>>, epoch: number | null): Promise<unknown> => {
      const [outcome] = await host.execute([put("a", "1", { epoch })]);
      return outcome?.kind === "written" ? outcome.facts.version : outcome;
    };
    const first = await setUp();
    expect(await version(first, null)).toBe("1");
    await first.host.applyAssignments(assignments(7, { 2: 1 }));
    expect(await version(first, 1)).toBe("2");
    await first.host.applyAssignments(assignments(8, { 2: 2 }));
    expect(await version(first, null)).toBe(`${2 ** 32 + 1}`);
    await first.host.drain();
    expect(await version(await setUp(first.engine), 2)).toBe(`${2 ** 32 + 2}`);
    const other = await setUp();
    await other.host.applyAssignments(assignments(9, { 2: 3 }));
    expect(await version(other, 3)).toBe(`${2 * 2 ** 32 + 1}`);
  });

  it("wait for the commit under way, and refuse what waits behind it", async () => {
    const { host, engine } = await setUp();
    await host.applyAssignments(assignments(7, { 2: 5 }));
    engine.hold();
    const first = host.execute([put("a", "1", { epoch: 5 })]);
    await settle();
    const second = host.execute([put("b", "1", { epoch: 5 })]);
    const change = host.applyAssignments(assignments(8, { 1: 1 }));
    await settle();
    expect(host.mapVersion).toBe(7);
    engine.release();
    expect(codes(await first)).toEqual([null]);
    await change;
    expect(codes(await second)).toEqual(["STALE_EPOCH"]);
    expect(engine.writes).toEqual([1]);
  });

  it("refuses to open with a damaged document", async () => {
    const engine = new ScriptedEngine();
    await engine.writeDocument("{");
    await expect(setUp(engine)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});

describe("ShardHost.hostedShards", () => {
  it("lists shards with keys, assigned ones and former ones", async () => {
    const { host } = await setUp();
    await host.execute([put("a", "1", { shard: 3 }), put("b", '"x"', { shard: 3 }), put("c", "1", { shard: 1 })]);
    await host.execute([remove("c", null, 1)]);
    expect(await host.hostedShards()).toEqual([{ shardId: 3, epoch: null, keyCount: 2, sizeBytes: 6 }]);
    await host.applyAssignments(assignments(1, { 2: 4 }));
    await host.applyAssignments(assignments(2, { 0: 6 }));
    expect(await host.hostedShards()).toEqual([
      { shardId: 0, epoch: 6, keyCount: 0, sizeBytes: 0 },
      { shardId: 2, epoch: 4, keyCount: 0, sizeBytes: 0 },
      { shardId: 3, epoch: null, keyCount: 2, sizeBytes: 6 },
    ]);
  });
});

describe("two processes over the same data", () => {
  async function setUpTwo() {
    const engine = new ScriptedEngine();
    const clock = new FakeClock();
    const log = new RecordLog();
    const open = (isSweeping: boolean) => ShardHost.open({ engine, clock, log, isShared: true, isSweeping });
    return { engine, clock, log, first: await open(true), second: await open(false) };
  }

  it("take nothing under an old epoch once either of them was told the new one", async () => {
    const { first, second, engine } = await setUpTwo();
    await first.applyAssignments(assignments(1, { 2: 5 }));
    expect(kinds(await second.execute([put("a", "1", { epoch: 5 }), get("a", 5)]))).toEqual(["written", "found"]);
    await second.applyAssignments(assignments(2, { 2: 6 }));
    expect(codes(await first.execute([put("a", "2", { epoch: 5 })]))).toEqual(["STALE_EPOCH"]);
    await first.applyAssignments(assignments(3, { 1: 7 }));
    expect(codes(await second.execute([get("a", 6)]))).toEqual(["STALE_EPOCH"]);
    expect(codes(await second.execute([get("a", 7, 1), put("a", "1", { epoch: 7, shard: 1 })]))).toEqual([null, null]);
    expect(engine.documentWrites).toBe(3);
  });

  it("take nothing under the old epoch that waited for its commit meanwhile", async () => {
    const { first, second, engine } = await setUpTwo();
    await first.applyAssignments(assignments(1, { 2: 5 }));
    await second.execute([get("a", 5)]);
    engine.hold();
    const waiting = second.execute([put("a", "1", { epoch: 5 })]);
    await settle();
    await first.applyAssignments(assignments(2, { 2: 6 }));
    engine.release();
    expect(codes(await waiting)).toEqual(["STALE_EPOCH"]);
    expect(kinds(await first.execute([get("a", 6)]))).toEqual(["notFound"]);
  });

  it("give one shard's versions once each, whoever writes", async () => {
    const { first, second } = await setUpTwo();
    const hosts = Array.from({ length: 40 }, (_, index) => (index % 3 === 0 ? first : second));
    const outcomes = await Promise.all(hosts.map((host, index) => host.execute([put(`key ${index}`, "1")])));
    const versions = outcomes.flat().map((outcome) => (outcome.kind === "written" ? Number(outcome.facts.version) : 0));
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });

  it("list what either was told, and leave expired entries to one of them", async () => {
    const { first, second, engine, clock } = await setUpTwo();
    await first.applyAssignments(assignments(1, { 2: 5 }));
    expect(await second.hostedShards()).toEqual([{ shardId: 2, epoch: 5, keyCount: 0, sizeBytes: 0 }]);
    expect([second.mapVersion, second.hostedCount]).toEqual([1, 1]);
    await clock.advance(sweepIntervalMs);
    expect(engine.sweeps).toHaveLength(1);
    await Promise.all([first.drain(), second.drain()]);
  });

  it("answer STORAGE_FAILED, and say why in the log, when what the other wrote cannot be read", async () => {
    const { second, engine, log } = await setUpTwo();
    await engine.writeDocument("{");
    expect(codes(await second.execute([get("a"), put("a", "1")]))).toEqual(["STORAGE_FAILED", "STORAGE_FAILED"]);
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(2);
  });
});

describe("ShardHost.drain", () => {
  it("finishes what it accepted, all stages of it, and refuses the rest", async () => {
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

  it("can be cut short: what waits for a commit is refused", async () => {
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
