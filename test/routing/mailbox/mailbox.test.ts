import { describe, expect, it, vi } from "vitest";
import { attemptTimeoutMs, mailboxInFlightMax, nodeBatchOperationsMax } from "../../../src/core/limits.js";
import type { Operation, Outcome, RoutedOperation } from "../../../src/core/operation.js";
import { Deadlines } from "../../../src/routing/mailbox/deadlines.js";
import { fewOperationsMax, laneOperationsMax } from "../../../src/routing/mailbox/lanes.js";
import { Mailbox } from "../../../src/routing/mailbox/mailbox.js";
import { MemoryNodeClient } from "../../../src/routing/node-client/memory-node-client.js";
import { NextTurn } from "../../../src/routing/mailbox/next-turn.js";
import { NodeFault } from "../../../src/routing/node-client/node-client.js";
import { silentObserver } from "../../../src/routing/observer.js";
import type { Submission } from "../../../src/routing/mailbox/submission.js";
import { FakeClock, settle } from "../../support/fake-clock.js";
import { mapOf } from "../../support/memory-cluster.js";
import { get, put, routed } from "../../support/operations.js";
import { RecordLog } from "../../support/record-log.js";
import { submitted } from "../../support/submitted.js";
import { mailboxWaitMs } from "../../../src/routing/mailbox/mailbox-plan.js";

const gone: Outcome = { kind: "notFound" };

interface Sent {
  readonly operations: readonly RoutedOperation[];
  readonly timeoutMs: number;
  readonly waitMs: number;
  answer(outcomes?: readonly Outcome[]): Promise<void>;
  fail(error: unknown): Promise<void>;
}

/** By default in a process that has no time for separate batches. */
function openMailbox(utilization = 1) {
  const clock = new FakeClock();
  const sent: Sent[] = [];
  const log = new RecordLog();
  const waits: number[] = [];
  const depths: number[] = [];
  const unsent: string[] = [];
  const client = new MemoryNodeClient(clock);
  vi.spyOn(client, "execute").mockImplementation(
    (operations, { timeoutMs }) =>
      new Promise((resolve, reject) => {
        const answer = (outcomes = operations.map((): Outcome => gone)) => (resolve(outcomes), settle());
        const fail = (error: unknown) => (reject(error), settle());
        sent.push({ operations, timeoutMs, waitMs: waits.at(-1) ?? NaN, answer, fail });
      }),
  );
  const [record] = mapOf({ nodes: ["node2"], url: () => "http://127.0.0.1:4002" }).nodes.values();
  if (record === undefined) throw new Error("The map has no storage node.");
  const mailbox = new Mailbox(record, client, {
    clock,
    random: () => 0.5,
    utilization: () => utilization,
    log,
    nextBatchId: () => "b1",
    deadlines: new Deadlines({ clock, onPassed: (submission: Submission) => submission.expire() }),
    turn: new NextTurn(),
    onUsable: () => {},
    observer: {
      ...silentObserver,
      batchSent: ({ waitMs }) => waits.push(waitMs),
      queueDepth: ({ operations }) => depths.push(operations),
      unsent: ({ reason, operations }) => unsent.push(`${operations} ${reason}`),
    },
  });
  const submit = (operations: readonly Operation[], deadlineMs = 5_000, signal?: AbortSignal) =>
    submitted(
      (submission) => mailbox.submit(submission),
      operations.map((operation) => routed(operation)),
      signal === undefined ? { deadlineMs } : { deadlineMs, signal },
    );
  const sizes = () => sent.map(({ operations }) => operations.length);
  return { clock, log, mailbox, sent, submit, sizes, depths, unsent };
}

const gets = (count: number) => Array.from({ length: count }, (_, index) => get(`key-${index}`));

describe("Mailbox", () => {
  it("sends all operations of one turn in one batch", async () => {
    const { submit, sizes, sent } = openMailbox();
    const outcomes = [submit([get("a")]), Promise.resolve().then(() => submit([get("b"), get("c")]))];
    await settle();
    expect(sizes()).toEqual([3]);
    await sent[0]?.answer();
    expect(await Promise.all(outcomes)).toEqual([[gone], [gone, gone]]);
  });

  it("sends operations at once while the process has time, as long as batches may be in flight", async () => {
    const { submit, sizes, sent } = openMailbox(0);
    for (let turn = 0; turn < mailboxInFlightMax + 2; turn++) {
      void submit([get(`key-${turn}`)]);
      await settle();
    }
    expect(sizes()).toEqual(Array.from({ length: mailboxInFlightMax }, () => 1));
    await sent[0]?.answer();
    expect(sizes().slice(mailboxInFlightMax)).toEqual([2]);
  });

  it("sends a full batch of operations as exactly one", async () => {
    const { submit, sizes } = openMailbox();
    void submit(gets(nodeBatchOperationsMax));
    await settle();
    expect(sizes()).toEqual([nodeBatchOperationsMax]);
  });

  it("splits operations that exceed a batch and answers them together", async () => {
    const { submit, sizes, sent } = openMailbox();
    const outcomes = submit(gets(nodeBatchOperationsMax + 5));
    await settle();
    expect(sizes()).toEqual([nodeBatchOperationsMax]);
    await sent[0]?.answer();
    expect(sizes()).toEqual([nodeBatchOperationsMax, 5]);
    await sent[1]?.answer();
    expect(await outcomes).toHaveLength(nodeBatchOperationsMax + 5);
  });

  it("gathers new operations while a batch is in flight, until it returns", async () => {
    const { submit, sizes, sent, depths } = openMailbox();
    void submit([get("a")]);
    await settle();
    for (let round = 0; round < 10; round++) {
      void submit([get("b")]);
      await settle();
    }
    expect(sizes()).toEqual([1]);
    expect(depths.at(-1)).toBe(10);
    await sent[0]?.answer();
    expect(sizes()).toEqual([1, 10]);
    expect(depths.at(-1)).toBe(0);
  });

  it("sends a caller's few operations while another's many occupy all other batches", async () => {
    const { submit, sizes, sent, clock } = openMailbox();
    const many = gets(mailboxInFlightMax * nodeBatchOperationsMax);
    void submit(many);
    await settle();
    expect(sizes()).toEqual(Array.from({ length: mailboxInFlightMax - 1 }, () => nodeBatchOperationsMax));
    const few = submit([get("a"), get("b")]);
    await clock.advance(mailboxWaitMs);
    expect(sizes().at(-1)).toBe(2);
    await sent.at(-1)?.answer();
    expect(await few).toEqual([gone, gone]);
  });

  it("accepts a caller's few operations when another's many fill the queue", async () => {
    const { submit, unsent, mailbox } = openMailbox();
    for (let waiting = 0; waiting < laneOperationsMax; waiting += 10_000) void submit(gets(10_000));
    expect(await submit(gets(100))).toMatchObject(gets(100).map(() => ({ code: "OVERLOADED" })));
    expect(unsent).toEqual(["100 overloaded"]);
    void submit(gets(fewOperationsMax));
    expect(mailbox.figures.queued).toBe(laneOperationsMax + fewOperationsMax);
    await settle();
  });

  it("starves neither few nor many operations while the other kind keeps arriving", async () => {
    for (const [waiting, coming] of [
      [fewOperationsMax + 1, 1],
      [1, fewOperationsMax + 1],
    ] as const) {
      const { submit, sent, clock } = openMailbox();
      for (let batch = 0; batch < mailboxInFlightMax; batch++) {
        void submit(gets(coming));
        await clock.advance(mailboxWaitMs);
      }
      const outcomes = submit([get("patient"), ...gets(waiting - 1)]);
      await clock.advance(1);
      for (let answered = 0; answered < 3; answered++) {
        void submit(gets(coming));
        await clock.advance(mailboxWaitMs);
        await sent[answered]?.answer();
      }
      const isPatient = ({ operations }: Sent) =>
        operations.some(({ operation }) => "key" in operation && operation.key === "patient");
      await sent.find(isPatient)?.answer();
      expect(await Promise.race([outcomes, null])).not.toBeNull();
    }
  });

  it("gathers no longer than the oldest operation may wait", async () => {
    const { submit, sizes, sent, clock } = openMailbox();
    void submit([get("a")]);
    await settle();
    void submit([get("b")]);
    await clock.advance(mailboxWaitMs / 2);
    void submit([get("c")]);
    await clock.advance(mailboxWaitMs / 2);
    expect(sizes()).toEqual([1, 2]);
    expect(sent[1]?.waitMs).toBe(mailboxWaitMs);
  });

  it("keeps the maximum number of batches in flight and no more", async () => {
    const { submit, sizes, sent, clock } = openMailbox();
    for (let round = 0; round < mailboxInFlightMax + 3; round++) {
      void submit([get("a")]);
      await clock.advance(mailboxWaitMs);
    }
    expect(sizes()).toHaveLength(mailboxInFlightMax);
    await sent[3]?.answer();
    expect(sizes().at(-1)).toBe(3);
  });

  it("never has two writes of one key in two batches in flight", async () => {
    const { submit, sent, clock } = openMailbox();
    void submit([put("a", "1")]);
    await settle();
    void submit([put("a", "2"), put("a", "3"), get("a"), put("b", "1")]);
    await clock.advance(mailboxWaitMs);
    expect(sent[1]?.operations.map(({ operation }) => operation)).toMatchObject([{ kind: "get" }, { key: "b" }]);
    await sent[0]?.answer();
    expect(sent[2]?.operations.map(({ operation }) => operation)).toMatchObject([{ value: "2" }, { value: "3" }]);
  });

  it("refuses operations when too many wait", async () => {
    const { submit, mailbox } = openMailbox();
    void submit(gets(laneOperationsMax));
    expect(mailbox.figures.queued).toBe(laneOperationsMax);
    const [first] = await submit(gets(fewOperationsMax + 1));
    expect(first).toMatchObject({ kind: "refused", code: "OVERLOADED" });
  });

  it("gives an attempt the time of its most patient caller, up to the attempt's own timeout", async () => {
    const { submit, sent, clock } = openMailbox();
    void submit([get("a")], 100);
    void submit([get("b")], 300);
    await settle();
    void submit([get("c")], 60_000);
    await clock.advance(mailboxWaitMs);
    expect(sent.map(({ timeoutMs }) => timeoutMs)).toEqual([300, attemptTimeoutMs]);
  });
});

describe("Mailbox, at a caller's deadline or abort", () => {
  const unavailable = { kind: "refused", code: "SHARD_UNAVAILABLE" };

  it("answers sent operations at the deadline, and does not affect other callers", async () => {
    const { submit, sent, clock } = openMailbox();
    const hurried = submit([get("a"), put("b", "1")], 50);
    const patient = submit([get("c")], 1_000);
    await clock.advance(50);
    const outcomes = await hurried;
    expect(outcomes).toMatchObject([unavailable, { kind: "refused", code: "OUTCOME_UNKNOWN" }]);
    expect(outcomes[1]).toMatchObject({
      message: `Whether the put of key "b" in shard ${get("b").shard} happened is unknown: storage node node2 (http://127.0.0.1:4002) did not answer in time.`,
    });
    await sent[0]?.answer();
    expect(await patient).toEqual([gone]);
  });

  it("never sends operations that were not sent by then, so a write certainly did not happen", async () => {
    const { submit, sent, clock, mailbox } = openMailbox();
    void submit([put("a", "1")]);
    await settle();
    const held = submit([put("a", "2"), get("b")], 50);
    await clock.advance(mailboxWaitMs);
    expect(mailbox.figures.queued).toBe(1);
    await clock.advance(50);
    expect(await held).toMatchObject([unavailable, unavailable]);
    expect(mailbox.figures.queued).toBe(0);
    await sent[0]?.answer();
    await sent[1]?.answer();
    expect(sent).toHaveLength(2);
  });

  it("keeps outcomes that arrived before", async () => {
    const { submit, sent, clock } = openMailbox();
    const outcomes = submit(gets(nodeBatchOperationsMax + 1), 50);
    await settle();
    await sent[0]?.answer();
    await clock.advance(50);
    expect((await outcomes).filter(({ kind }) => kind === "refused")).toHaveLength(1);
  });

  it("answers an abort at once", async () => {
    const { submit, sent, clock } = openMailbox();
    const givenUp = new AbortController();
    const outcomes = submit([put("a", "1")], 5_000, givenUp.signal);
    await settle();
    givenUp.abort();
    expect(await outcomes).toMatchObject([{ code: "OUTCOME_UNKNOWN" }]);
    await sent[0]?.answer();
    expect(clock.pendingTimers).toBe(0);
  });

  it("accepts nothing from a caller who has aborted already", async () => {
    const { submit, sent } = openMailbox();
    expect(await submit([put("a", "1")], 5_000, AbortSignal.abort())).toMatchObject([unavailable]);
    expect(await submit([put("a", "1")], 0)).toMatchObject([unavailable]);
    await settle();
    expect(sent).toEqual([]);
  });

  it("leaves no timer behind when all is answered", async () => {
    const { submit, sent, clock } = openMailbox();
    const outcomes = submit([get("a")]);
    await settle();
    await sent[0]?.answer();
    await outcomes;
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("Mailbox, with a client that breaks its contract", () => {
  it.each([0, 1, 3])(
    "refuses all operations of a batch that has %i outcomes for 2, and continues with their keys",
    async (count) => {
      const { submit, sent, log } = openMailbox();
      const [read, write] = [submit([get("a")]), submit([put("b", "1")])];
      await settle();
      await sent[0]?.answer(Array.from({ length: count }, () => gone));
      expect([await read, await write]).toMatchObject([[{ code: "SHARD_UNAVAILABLE" }], [{ code: "OUTCOME_UNKNOWN" }]]);
      expect(log.lines.find(({ level }) => level === "error")?.facts["err"]).toMatchObject({
        cause: new Error(`It gave ${count} outcomes.`),
      });
      const next = submit([put("b", "2")]);
      await settle();
      await sent[1]?.answer();
      expect(await next).toEqual([gone]);
    },
  );
});

describe("Mailbox, refusing", () => {
  it("refuses waiting operations when its circuit opens, and lets batches in flight return", async () => {
    const { submit, sent, unsent, depths, clock } = openMailbox();
    const inFlight = submit([get("a")]);
    await settle();
    void submit([put("b", "1")]);
    await clock.advance(mailboxWaitMs);
    const waiting = submit([put("b", "2")]);
    await settle();
    expect(depths.at(-1)).toBe(1);
    await sent[1]?.fail(new NodeFault("draining", "the node is down", true));
    expect(unsent).toEqual(["1 breakerOpen"]);
    expect(depths.at(-1)).toBe(0);
    expect(await waiting).toMatchObject([
      { code: "SHARD_UNAVAILABLE", message: expect.stringContaining("the node is down") },
    ]);
    await sent[0]?.answer();
    expect(await inFlight).toEqual([gone]);
    expect(sent).toHaveLength(2);
  });

  it("refuses waiting operations once retired, lets batches in flight return, and accepts nothing more", async () => {
    const { submit, sent, mailbox, unsent } = openMailbox();
    const inFlight = submit([get("a")]);
    await settle();
    const waiting = submit([put("b", "1")]);
    mailbox.retire("the node was removed");
    expect(unsent).toEqual(["1 closed"]);
    expect(await waiting).toMatchObject([
      { code: "SHARD_UNAVAILABLE", message: expect.stringContaining("the node was removed.") },
    ]);
    expect(await submit([get("a")])).toMatchObject([{ code: "SHARD_UNAVAILABLE" }]);
    await sent[0]?.answer();
    expect(await inFlight).toEqual([gone]);
  });
});

describe("Mailbox, reporting unsent operations", () => {
  it("names the reason", async () => {
    const { submit, mailbox, unsent, clock } = openMailbox();
    const gone = new AbortController();
    gone.abort();
    await submit([get("a"), get("b")], 5_000, gone.signal);
    await submit([get("a")], 0);
    void submit(gets(laneOperationsMax));
    await submit(gets(fewOperationsMax + 1));
    expect(unsent).toEqual(["2 aborted", "1 deadline", `${fewOperationsMax + 1} overloaded`]);
    await clock.advance(5_000);
    const sent = (mailboxInFlightMax - 1) * nodeBatchOperationsMax;
    expect(unsent.slice(3)).toEqual([`${laneOperationsMax - sent} deadline`]);
    mailbox.retire("it was removed");
    await submit([get("a")]);
    expect(unsent.at(-1)).toBe("1 closed");
  });
});
