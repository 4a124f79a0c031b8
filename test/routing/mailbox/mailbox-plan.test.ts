import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseKey, type Key } from "../../../src/core/key.js";
import { nodeBatchBytesMax, nodeBatchOperationsMax } from "../../../src/core/limits.js";
import {
  eagerBelow,
  planBatch,
  type MailboxLoad,
  type WaitingOperation,
  mailboxWaitMs,
} from "../../../src/routing/mailbox/mailbox-plan.js";

const idle: MailboxLoad = { inFlight: 0, inFlightMax: 8, eagerBelow: 1, keysInFlight: new Set(), nowMs: 100 };
const busy: MailboxLoad = { ...idle, inFlight: 1 };

function waiting(fields: Partial<WaitingOperation> = {}): WaitingOperation {
  return { writtenKey: null, valueBytes: 0, sinceMs: 100, ...fields };
}

const many = (count: number, fields: Partial<WaitingOperation> = {}) =>
  Array.from({ length: count }, () => waiting(fields));
const a = parseKey("a");

describe("eagerBelow", () => {
  it.each([
    [0, 8],
    [0.7, 8],
    [0.825, 4],
    [0.94, 1],
    [0.95, 1],
    [1, 1],
  ])("at a utilization of %d returns %d", (utilization, batches) => {
    expect(eagerBelow(utilization)).toBe(batches);
  });
});

describe("planBatch", () => {
  it("sends waiting operations at once while nothing is in flight", () => {
    const one = waiting();
    expect(planBatch([one], idle)).toEqual({ kind: "send", batch: [one] });
  });

  it("has nothing to do while nothing waits", () => {
    expect(planBatch([], idle)).toEqual({ kind: "idle" });
  });

  it("lets new operations gather while a batch is in flight, until the oldest has waited long enough", () => {
    expect(planBatch([waiting({ sinceMs: 99.5 })], busy)).toEqual({ kind: "wait", untilMs: 99.5 + mailboxWaitMs });
    expect(planBatch([waiting({ sinceMs: 100 - mailboxWaitMs }), waiting()], busy)).toMatchObject({ kind: "send" });
  });

  it("lets no operations gather while fewer batches are in flight than the process has time for", () => {
    for (const inFlight of [0, 1, 3]) {
      expect(planBatch([waiting()], { ...idle, inFlight, eagerBelow: 4 })).toMatchObject({ kind: "send" });
    }
    expect(planBatch([waiting()], { ...idle, inFlight: 4, eagerBelow: 4 })).toMatchObject({ kind: "wait" });
  });

  it("does not wait with a full batch", () => {
    expect(planBatch(many(nodeBatchOperationsMax), busy)).toMatchObject({ kind: "send" });
    expect(planBatch(many(5, { valueBytes: nodeBatchBytesMax / 4 }), busy)).toMatchObject({ kind: "send" });
    expect(planBatch(many(4, { valueBytes: nodeBatchBytesMax / 4 }), busy)).toMatchObject({ kind: "wait" });
  });

  it("sends nothing while the maximum number of batches is in flight", () => {
    expect(planBatch(many(nodeBatchOperationsMax), { ...idle, inFlight: 8 })).toEqual({ kind: "idle" });
  });

  it("holds a write back while its key is being written, and lets others pass", () => {
    const [held, read, other] = [waiting({ writtenKey: a }), waiting(), waiting({ writtenKey: parseKey("b") })];
    const load = { ...busy, inFlight: 0, keysInFlight: new Set([a]) };
    expect(planBatch([held, read, other], load)).toEqual({ kind: "send", batch: [read, other] });
    expect(planBatch([held], load)).toEqual({ kind: "idle" });
  });

  it("sends writes of one key together, in order", () => {
    const writes = many(3, { writtenKey: a });
    expect(planBatch(writes, idle)).toEqual({ kind: "send", batch: writes });
  });

  it("never exceeds a bound, never reorders, and never sends a key that is in flight", () => {
    const operation = fc.record({
      writtenKey: fc.constantFrom<Key | null>(null, a, parseKey("b"), parseKey("c")),
      valueBytes: fc.integer({ min: 0, max: 1024 * 1024 }),
      sinceMs: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), fc.subarray([a, parseKey("b")]), (all, inFlight) => {
        const keysInFlight = new Set(inFlight);
        const plan = planBatch(all, { ...idle, keysInFlight });
        const sendable = all.filter(({ writtenKey }) => writtenKey === null || !keysInFlight.has(writtenKey));
        if (plan.kind !== "send") return sendable.length === 0;
        expect(plan.batch).toEqual(sendable.slice(0, plan.batch.length));
        expect(plan.batch.reduce((sum, { valueBytes }) => sum + valueBytes, 0)).toBeLessThanOrEqual(nodeBatchBytesMax);
        return plan.batch.length > 0;
      }),
    );
  });
});
