import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { engineTimeoutMs } from "../../../src/core/limits.js";
import type { Outcome } from "../../../src/core/operation.js";
import type { FencedWrite, StorageEngine } from "../../../src/storage/engine.js";
import { GroupCommit, groupCommitQueueMax } from "../../../src/storage-node/shards/group-commit.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { RecordLog } from "../../support/record-log.js";
import { claimed, put } from "../operations.js";
import { codes, kinds } from "../running-host.js";
import { ScriptedEngine } from "./scripted-engine.js";

/** Shards 0 and 2 are of one lane, 1 and 3 of the other. */
async function setUp() {
  const engine = await claimed(new ScriptedEngine(), { 0: 1, 1: 1, 2: 1, 3: 1 });
  engine.lanes = 2;
  const log = new RecordLog();
  const clock = new FakeClock();
  return { engine, log, clock, commits: new GroupCommit({ engine, log, clock }) };
}

const versions = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => (outcome.kind === "written" ? outcome.facts.version : outcome.kind));

describe("the lanes of a group commit", () => {
  it("each commit their part of a submission, and its outcomes come in order", async () => {
    const { engine, commits } = await setUp();
    const writes = [
      put("a", "1", { shard: 0 }),
      put("b", "1", { shard: 1 }),
      put("c", "1", { shard: 2, epoch: 9 }),
      put("d", "1", { shard: 1 }),
      put("a", "2", { shard: 0 }),
    ];
    expect(versions(await commits.submit(writes))).toEqual(["1", "1", "refused", "2", "2"]);
    expect(engine.writes).toEqual([3, 2]);
  });

  it("do not wait for one that hangs, whose writes are answered at their deadlines", async () => {
    const { engine, commits, clock } = await setUp();
    engine.hold(1);
    const hanging = commits.submit([put("a", "1", { shard: 1 })]);
    await settle();
    const both = commits.submit([put("b", "1", { shard: 3 }), put("b", "1", { shard: 0 })]);
    for (const value of ["1", "2", "3"]) {
      expect(kinds(await commits.submit([put("c", value, { shard: 2 })]))).toEqual(["written"]);
    }
    expect(commits.queued).toBe(1);
    await clock.advance(engineTimeoutMs);
    expect(codes(await hanging)).toEqual(["OUTCOME_UNKNOWN"]);
    expect(codes(await both)).toEqual(["SHARD_UNAVAILABLE", null]);
    expect(kinds(await commits.submit([put("c", "4", { shard: 2 })]))).toEqual(["written"]);
    engine.release();
    await commits.idle();
    expect(kinds(await commits.submit([put("a", "2", { shard: 1 })]))).toEqual(["written"]);
    await commits.idle();
    expect([commits.queued, clock.pendingTimers]).toEqual([0, 0]);
  });

  it("share the bounds of the storage node, and are discarded together", async () => {
    const { engine, commits } = await setUp();
    engine.hold();
    const running = commits.submit([put("a", "1", { shard: 0 }), put("a", "1", { shard: 1 })]);
    await settle();
    const half = (shard: number) => Array.from({ length: groupCommitQueueMax / 2 }, () => put("b", "1", { shard }));
    const waiting = [commits.submit(half(0)), commits.submit(half(1))];
    expect(commits.queued).toBe(groupCommitQueueMax);
    expect(codes(await commits.submit([put("c", "1", { shard: 3 })]))).toEqual(["OVERLOADED"]);
    commits.discard();
    const discarded = (await Promise.all(waiting)).flat();
    expect(new Set(codes(discarded))).toEqual(new Set(["DRAINING"]));
    expect(commits.queued).toBe(0);
    let isIdle = false;
    const idle = commits.idle().then(() => (isIdle = true));
    await settle();
    expect(isIdle).toBe(false);
    engine.release();
    await idle;
    expect(kinds(await running)).toEqual(["written", "written"]);
  });

  it("fail alone, and log their failures", async () => {
    const { engine, commits, log } = await setUp();
    const failing = { ...engine, name: "half", lanes: 2, write: writesButNot(engine, 1) };
    const half = new GroupCommit({ engine: failing, log, clock: new FakeClock() });
    const outcomes = await half.submit([put("a", "1", { shard: 1 }), put("a", "1", { shard: 0 })]);
    expect(codes(outcomes)).toEqual(["STORAGE_FAILED", null]);
    expect(log.lines).toMatchObject([{ level: "error", facts: { operations: 1 } }]);
    expect(commits.queued).toBe(0);
  });

  it("run one call each at a time, and keep the order of the writes to each key", async () => {
    const write = fc.record({ shard: fc.nat(3), key: fc.constantFrom("k", "l") });
    const submissions = fc.array(fc.array(write, { minLength: 1, maxLength: 6 }), { maxLength: 12 });
    const turns = fc.array(fc.nat(5), { minLength: 1, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(submissions, turns, async (all, turns) => {
        const { engine, log, clock } = await setUp();
        const watched = new WatchedLanes(engine, turns);
        const commits = new GroupCommit({ engine: watched, log, clock });
        const submitted = all.map((writes) => commits.submit(writes.map(({ shard, key }) => put(key, "1", { shard }))));
        const outcomes = (await Promise.all(submitted)).flat();
        const newest = new Map<number, number>();
        for (const [at, { shard }] of all.flat().entries()) {
          const outcome = outcomes[at];
          const version = outcome?.kind === "written" ? Number(outcome.facts.version) : 0;
          expect(version).toBeGreaterThan(newest.get(shard) ?? 0);
          newest.set(shard, version);
        }
        const written = all.flat().length;
        expect([...newest.values()].reduce((sum, version) => sum + version, 0)).toBe(written);
        expect(watched.mostAtOnce).toBeLessThanOrEqual(1);
        expect(commits.queued).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

function writesButNot(engine: StorageEngine, lane: number): StorageEngine["write"] {
  return async (operations, nowMs) => {
    if (operations.every(({ operation }) => operation.shard % 2 === lane)) {
      throw new ShardgateError("STORAGE_FAILED", "The connection of this lane is broken.");
    }
    return engine.write(operations, nowMs);
  };
}

/** Refuses calls on shards of several lanes, and counts the calls of a lane that run at once. */
class WatchedLanes {
  readonly name = "watched";
  readonly lanes = 2;
  mostAtOnce = 0;
  readonly #engine: StorageEngine;
  readonly #turns: readonly number[];
  readonly #running = [0, 0];
  #calls = 0;

  constructor(engine: StorageEngine, turns: readonly number[]) {
    this.#engine = engine;
    this.#turns = turns;
  }

  async write(operations: readonly FencedWrite[], nowMs: number): ReturnType<StorageEngine["write"]> {
    const lanes = new Set(operations.map(({ operation }) => operation.shard % 2));
    const [lane = 0] = lanes;
    expect(lanes.size).toBe(1);
    this.#running[lane] = (this.#running[lane] ?? 0) + 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running[lane] ?? 0);
    for (let turn = this.#turns[this.#calls++ % this.#turns.length] ?? 0; turn > 0; turn--) await Promise.resolve();
    try {
      return await this.#engine.write(operations, nowMs);
    } finally {
      this.#running[lane] = (this.#running[lane] ?? 0) - 1;
    }
  }
}
