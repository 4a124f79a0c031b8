import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import { engineTimeoutMs } from "../../../src/core/limits.js";
import type { Outcome } from "../../../src/core/operation.js";
import {
  groupLength,
  groupCommitOperationsMax,
  groupCommitBytesMax,
} from "../../../src/storage-node/shards/commit-lane.js";
import { GroupCommit, groupCommitQueueMax } from "../../../src/storage-node/shards/group-commit.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { RecordLog } from "../../support/record-log.js";
import { claimed, get, put, remove } from "../operations.js";
import { ScriptedEngine } from "./scripted-engine.js";

async function setUp() {
  const engine = await claimed(new ScriptedEngine(), { 2: 1 });
  const log = new RecordLog();
  const clock = new FakeClock();
  return { engine, log, clock, commits: new GroupCommit({ engine, log, clock }) };
}

const load = (operations: number, bytes = 0) => ({ operations, bytes });
const codes = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => (outcome.kind === "refused" ? outcome.code : null));
const kinds = (outcomes: readonly Outcome[]) => outcomes.map(({ kind }) => kind);

describe("groupLength", () => {
  it("takes everything that fits", () => {
    expect(groupLength([])).toBe(0);
    expect(groupLength([load(1), load(groupCommitOperationsMax - 1)])).toBe(2);
  });

  it("stops before the group has too many operations or bytes", () => {
    expect(groupLength([load(1), load(groupCommitOperationsMax)])).toBe(1);
    expect(groupLength([load(1, 1), load(1, groupCommitBytesMax - 1), load(1, 1)])).toBe(2);
  });

  it("takes one submission, however large", () => {
    expect(groupLength([load(2 * groupCommitOperationsMax, 2 * groupCommitBytesMax), load(1)])).toBe(1);
  });
});

describe("GroupCommit", () => {
  it("commits writes that arrive in the same turn together", async () => {
    const { engine, commits } = await setUp();
    const outcomes = await Promise.all([commits.submit([put("a", "1")]), commits.submit([put("b", "2"), remove("a")])]);
    expect(outcomes.map(kinds)).toEqual([["written"], ["written", "deleted"]]);
    expect(engine.writes).toEqual([3]);
  });

  it("collects writes that arrive during a commit into the next one", async () => {
    const { engine, commits } = await setUp();
    engine.hold();
    const first = commits.submit([put("first", "0")]);
    await settle();
    const others = Array.from({ length: 200 }, (_, index) => commits.submit([put(`k${index}`, "1")]));
    await settle();
    expect(engine.writes).toEqual([1]);
    engine.release();
    expect(kinds(await first)).toEqual(["written"]);
    const versions = (await Promise.all(others)).map(
      ([outcome]) => outcome?.kind === "written" && outcome.facts.version,
    );
    expect(versions).toEqual(others.map((_, index) => `${index + 2}`));
    expect(engine.writes).toEqual([1, 200]);
  });

  it("splits waiting writes into groups of bounded size", async () => {
    const { engine, commits } = await setUp();
    const submissions = Array.from({ length: 9 }, () =>
      Array.from({ length: 1000 }, (_, index) => put(`k${index}`, "1")),
    );
    await Promise.all(submissions.map((writes) => commits.submit(writes)));
    expect(engine.writes).toEqual([4000, 4000, 1000]);
  });

  it("returns refusals of the engine without affecting the other writes", async () => {
    const { engine, commits } = await setUp();
    const writes = [
      put("a", "1", { epoch: 1 }),
      put("b", "1", { epoch: 2 }),
      put("c", "1", { shard: 3 }),
      put("d", "1"),
    ];
    expect(codes(await commits.submit(writes))).toEqual([null, "SHARD_NOT_HOSTED", "SHARD_NOT_HOSTED", null]);
    expect(engine.writes).toEqual([4]);
  });

  it("refuses writes when too many wait, and accepts them again afterwards", async () => {
    const { engine, commits } = await setUp();
    engine.hold();
    const first = commits.submit([put("a", "1")]);
    await settle();
    const waiting = Array.from({ length: groupCommitQueueMax / 1000 }, () =>
      commits.submit(Array.from({ length: 1000 }, () => put("b", "1"))),
    );
    expect(await commits.submit([put("c", "1")])).toMatchObject([{ kind: "refused", code: "OVERLOADED" }]);
    engine.release();
    await Promise.all([first, ...waiting]);
    expect(kinds(await commits.submit([put("c", "1")]))).toEqual(["written"]);
  });

  it("refuses writes when too many bytes wait", async () => {
    const { engine, commits } = await setUp();
    engine.hold();
    const value = `"${"x".repeat(1024 * 1024 - 2)}"`;
    const waiting = Array.from({ length: 256 }, () => commits.submit([put("b", value)]));
    expect(await commits.submit([put("c", "1")])).toMatchObject([{ kind: "refused", code: "OVERLOADED" }]);
    expect(waiting).toHaveLength(256);
    commits.discard();
    engine.release();
    await commits.idle();
  });

  it("refuses a whole group with the engine's code when the engine rejects, and logs it once", async () => {
    const { engine, commits, log } = await setUp();
    engine.writeFailure = new ShardgateError("STORAGE_FULL", "No room in /secret/path.");
    const message = "The storage node has no disk space left; nothing was written.";
    const full = { kind: "refused", code: "STORAGE_FULL", message };
    expect(await Promise.all([commits.submit([put("a", "1")]), commits.submit([put("b", "1")])])).toEqual([
      [full],
      [full],
    ]);
    expect(await commits.submit([put("a", "1")])).toEqual([full]);
    expect(log.lines.map(({ level }) => level)).toEqual(["error"]);
    engine.writeFailure = new ShardgateError("STORAGE_FAILED", "/secret/path broke");
    const [failed] = await commits.submit([put("a", "1")]);
    expect(failed).toEqual({
      kind: "refused",
      code: "STORAGE_FAILED",
      message: "The storage engine failed; nothing was written.",
    });
    engine.writeFailure = new ShardgateError("SHARD_UNAVAILABLE", "connect ECONNREFUSED secret.internal:5432");
    expect(await commits.submit([put("a", "1")])).toEqual([
      {
        kind: "refused",
        code: "SHARD_UNAVAILABLE",
        message: "The storage node cannot use its database now; nothing was written.",
      },
    ]);
    engine.writeFailure = null;
    expect(kinds(await commits.submit([put("a", "1")]))).toEqual(["written"]);
    engine.writeFailure = new ShardgateError("STORAGE_FAILED", "/secret/path broke");
    await commits.submit([put("a", "1")]);
    expect(log.lines).toHaveLength(4);
    expect(log.lines[0]?.message).toContain("none of them was written");
  });

  it.each([new ShardgateError("OUTCOME_UNKNOWN", "The reply was lost."), new Error("A bug.")])(
    "answers OUTCOME_UNKNOWN when the engine rejects with %s",
    async (failure) => {
      const { engine, commits, log } = await setUp();
      engine.writeFailure = failure;
      const [outcome] = await commits.submit([put("a", "1")]);
      expect(outcome).toMatchObject({ code: "OUTCOME_UNKNOWN", message: expect.stringContaining("may or may not") });
      expect(log.lines[0]?.message).toContain("unknown whether they were written");
    },
  );

  it("answers OUTCOME_UNKNOWN when the engine returns no outcome", async () => {
    const { engine, commits } = await setUp();
    engine.losesOutcomes = true;
    expect(await commits.submit([put("a", "1")])).toMatchObject([{ kind: "refused", code: "OUTCOME_UNKNOWN" }]);
  });

  it("discards waiting writes but not the running commit", async () => {
    const { engine, commits } = await setUp();
    engine.hold();
    const first = commits.submit([put("a", "1")]);
    await settle();
    const second = commits.submit([put("b", "1"), put("c", "1")]);
    commits.discard();
    expect((await second).map((outcome) => outcome.kind === "refused" && outcome.code)).toEqual([
      "DRAINING",
      "DRAINING",
    ]);
    engine.release();
    expect(kinds(await first)).toEqual(["written"]);
    await commits.idle();
    expect(engine.writes).toEqual([1]);
    const [outcome] = await engine.read([get("b") as never], { nowMs: 0, answerBytesMax: 1 });
    expect(outcome).toEqual({ kind: "notFound" });
  });

  it("answers OUTCOME_UNKNOWN when a commit takes too long, and starts no other before it has ended", async () => {
    const { engine, commits, clock, log } = await setUp();
    engine.hold();
    const first = commits.submit([put("a", "1")]);
    await clock.advance(engineTimeoutMs - 1000);
    const second = commits.submit([put("b", "1")]);
    await clock.advance(1000);
    expect(codes(await first)).toEqual(["OUTCOME_UNKNOWN"]);
    expect(log.lines).toMatchObject([{ level: "error", facts: { operations: 1 } }]);
    expect(engine.writes).toEqual([1]);
    engine.release();
    expect(kinds(await second)).toEqual(["written"]);
    await commits.idle();
    expect([engine.writes, clock.pendingTimers]).toEqual([[1, 1], 0]);
  });

  it("refuses writes that have waited too long without having started, each at its own deadline", async () => {
    const { engine, commits, clock } = await setUp();
    engine.hold();
    const first = commits.submit([put("a", "1")]);
    await settle();
    await clock.advance(5000);
    const second = commits.submit([put("b", "1")]);
    await clock.advance(3000);
    const third = commits.submit([put("c", "1")]);
    await clock.advance(engineTimeoutMs - 3000);
    expect([codes(await first), codes(await second)]).toEqual([["OUTCOME_UNKNOWN"], ["SHARD_UNAVAILABLE"]]);
    expect(commits.queued).toBe(1);
    await clock.advance(3000);
    expect(codes(await third)).toEqual(["SHARD_UNAVAILABLE"]);
    expect([commits.queued, clock.pendingTimers]).toEqual([0, 0]);
    engine.release();
    await commits.idle();
    expect(engine.writes).toEqual([1]);
    expect(kinds(await commits.submit([put("d", "1")]))).toEqual(["written"]);
  });
});
