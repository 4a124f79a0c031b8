import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../src/core/error.js";
import {
  assignmentChangesMax,
  groupCommitBytesMax,
  groupCommitOperationsMax,
  groupCommitQueueMax,
} from "../../src/core/limits.js";
import type { Outcome, RefusedOutcome } from "../../src/core/operation.js";
import { GroupCommit, groupLength, type RoutedWrite } from "../../src/storage-node/group-commit.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { get, put, remove } from "./operations.js";
import { ScriptedEngine } from "./scripted-engine.js";

function setUp(refusalOf: (write: RoutedWrite) => RefusedOutcome | null = () => null) {
  const engine = new ScriptedEngine();
  const log = new RecordLog();
  const clock = new FakeClock();
  const kept = { version: undefined, confirm: async () => {}, run: <T>(work: () => Promise<T>) => work() };
  return { engine, log, clock, commits: new GroupCommit({ engine, log, clock, refusalOf, floorOf: () => 0, kept }) };
}

const load = (operations: number, bytes = 0) => ({ operations, bytes });
const stale: RefusedOutcome = { kind: "refused", code: "STALE_EPOCH", message: "Old.", epoch: 9 };
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
  it("commits what arrives in the same moment together", async () => {
    const { engine, commits } = setUp();
    const outcomes = await Promise.all([commits.submit([put("a", "1")]), commits.submit([put("b", "2"), remove("a")])]);
    expect(outcomes.map(kinds)).toEqual([["written"], ["written", "deleted"]]);
    expect(engine.writes).toEqual([3]);
  });

  it("refuses a change when too many wait, and takes the next one when they are done", async () => {
    const { engine, commits } = setUp();
    engine.hold();
    const first = commits.submit([put("first", "0")]);
    await settle();
    const change = (): Promise<void> => commits.change(() => Promise.resolve());
    const waiting = Array.from({ length: assignmentChangesMax }, change);
    await expect(change()).rejects.toMatchObject({ code: "OVERLOADED" });
    engine.release();
    await Promise.all([first, ...waiting]);
    await change();
  });

  it("gathers what arrives during a commit into the next one", async () => {
    const { engine, commits } = setUp();
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

  it("splits what waits into groups of bounded size", async () => {
    const { engine, commits } = setUp();
    const submissions = Array.from({ length: 9 }, () =>
      Array.from({ length: 1000 }, (_, index) => put(`k${index}`, "1")),
    );
    await Promise.all(submissions.map((writes) => commits.submit(writes)));
    expect(engine.writes).toEqual([4000, 4000, 1000]);
  });

  it("asks the fence when the group is taken, not when the write arrives", async () => {
    let isMoved = false;
    const { engine, commits } = setUp((write) => (isMoved && write.epoch === 1 ? stale : null));
    engine.hold();
    const first = commits.submit([put("a", "1", { epoch: 1 })]);
    await settle();
    const second = commits.submit([
      put("b", "1", { epoch: 2 }),
      put("c", "1", { epoch: 1 }),
      put("d", "1", { epoch: 2 }),
    ]);
    isMoved = true;
    engine.release();
    expect(kinds(await first)).toEqual(["written"]);
    expect(kinds(await second)).toEqual(["written", "refused", "written"]);
    expect(engine.writes).toEqual([1, 2]);
  });

  it("leaves the engine alone when the fence refuses the whole group", async () => {
    const { engine, commits } = setUp(() => stale);
    expect(await commits.submit([put("a", "1"), put("b", "1")])).toEqual([stale, stale]);
    expect(engine.writes).toEqual([]);
  });

  it("runs a change between two commits, before what waits", async () => {
    const { engine, commits } = setUp();
    const events: string[] = [];
    engine.hold();
    const first = commits.submit([put("a", "1")]).then(() => events.push("first"));
    await settle();
    const second = commits.submit([put("b", "1")]).then(() => events.push("second"));
    const change = commits.change(async () => {
      events.push(`change after ${engine.writes.length}`);
    });
    await settle();
    expect(events).toEqual([]);
    engine.release();
    await Promise.all([first, second, change]);
    expect(events).toEqual(["first", "change after 1", "second"]);
  });

  it("passes on how a change failed, and goes on", async () => {
    const { commits } = setUp();
    await expect(commits.change(() => Promise.reject(new Error("No.")))).rejects.toThrow("No.");
    expect(kinds(await commits.submit([put("a", "1")]))).toEqual(["written"]);
  });

  it("refuses more than may wait, and takes writes again afterwards", async () => {
    const { engine, commits } = setUp();
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

  it("refuses more bytes than may wait", async () => {
    const { engine, commits } = setUp();
    engine.hold();
    const value = `"${"x".repeat(1024 * 1024 - 2)}"`;
    const waiting = Array.from({ length: 256 }, () => commits.submit([put("b", value)]));
    expect(await commits.submit([put("c", "1")])).toMatchObject([{ kind: "refused", code: "OVERLOADED" }]);
    expect(waiting).toHaveLength(256);
    commits.discard();
    engine.release();
    await commits.idle();
  });

  it("refuses a whole group with the engine's code when it rejects, and logs it once", async () => {
    const { engine, commits, log } = setUp();
    engine.writeFailure = new ShardgateError("STORAGE_FULL", "No room in /secret/path.");
    const message = "The storage node has no room left; nothing was written.";
    const full = { kind: "refused", code: "STORAGE_FULL", message };
    expect(await Promise.all([commits.submit([put("a", "1")]), commits.submit([put("b", "1")])])).toEqual([
      [full],
      [full],
    ]);
    expect(await commits.submit([put("a", "1")])).toEqual([full]);
    expect(log.lines.map(({ level }) => level)).toEqual(["error"]);
    engine.writeFailure = new Error("/secret/path broke");
    const [failed] = await commits.submit([put("a", "1")]);
    expect(failed).toEqual({
      kind: "refused",
      code: "STORAGE_FAILED",
      message: "The storage engine failed; nothing was written.",
    });
    engine.writeFailure = null;
    expect(kinds(await commits.submit([put("a", "1")]))).toEqual(["written"]);
    engine.writeFailure = new Error("/secret/path broke");
    await commits.submit([put("a", "1")]);
    expect(log.lines).toHaveLength(3);
  });

  it("says that the outcome is unknown when the engine gives none", async () => {
    const { engine, commits } = setUp();
    engine.losesOutcomes = true;
    expect(await commits.submit([put("a", "1")])).toMatchObject([{ kind: "refused", code: "OUTCOME_UNKNOWN" }]);
  });

  it("discards what waits but not the commit under way", async () => {
    const { engine, commits } = setUp();
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
    const [outcome] = await engine.read([get("b").operation as never], { nowMs: 0, answerBytesMax: 1 });
    expect(outcome).toEqual({ kind: "notFound" });
  });
});
