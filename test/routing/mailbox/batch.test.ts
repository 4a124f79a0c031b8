import { describe, expect, it } from "vitest";
import { attemptTimeoutMs } from "../../../src/core/limits.js";
import type { Operation } from "../../../src/core/operation.js";
import { Batch } from "../../../src/routing/mailbox/batch.js";
import type { BatchRecord } from "../../../src/routing/recorder.js";
import { Submission, type Letter, type RouteContext } from "../../../src/routing/mailbox/submission.js";
import { mapOf } from "../../support/memory-cluster.js";
import { get, put } from "../../support/operations.js";
import { RecordLog } from "../../support/record-log.js";
import { RecordTracer } from "../../support/record-tracer.js";

const map = mapOf({ nodes: ["node1"], url: () => "http://127.0.0.1:4001" });
const [node] = [...map.nodes.values()];
if (node === undefined) throw new Error("The map has no storage node.");
const log = new RecordLog();

function lettersOf(operations: readonly Operation[], sinceMs: number, context: RouteContext): readonly Letter[] {
  const submission = new Submission(operations, map.shards, context, () => {});
  submission.sinceMs = sinceMs;
  return submission.letters;
}

describe("Batch", () => {
  it("has the figures of all its operations, and the timeout of its most patient caller", () => {
    const letters = [
      ...lettersOf([put("a", `"ä"`), get("b")], 90, { deadlineMs: 150 }),
      ...lettersOf([put("c", "1")], 95, { deadlineMs: 400 }),
    ];
    expect(new Batch("b1", letters, 100, log)).toMatchObject({ bytes: 5, waitMs: 10, timeoutMs: 300, sentMs: 100 });
    const patient = lettersOf([get("a")], 100, { deadlineMs: 60_000 });
    expect(new Batch("b2", patient, 100, log)).toMatchObject({ bytes: 0, waitMs: 0, timeoutMs: attemptTimeoutMs });
  });

  it("creates no span when none of its callers is traced, and none without a tracer", () => {
    const tracer = new RecordTracer();
    const untraced = new Batch("b1", lettersOf([get("a")], 0, { deadlineMs: 100 }), 0, log);
    expect(untraced.leave(node, tracer)).toEqual({ timeoutMs: 100, requestId: "b1" });
    expect(tracer.spans).toEqual([]);
    const span = tracer.start("request", { kind: "server", parent: null });
    const traced = new Batch("b2", lettersOf([get("a")], 0, { deadlineMs: 100, span }), 0, log);
    expect(traced.leave(node, undefined)).toEqual({ timeoutMs: 100, requestId: "b2" });
    traced.returned([{ kind: "notFound" }], 1, null);
  });

  it("has one span for all its callers, which continues at the storage node and names no key", () => {
    const tracer = new RecordTracer();
    const [first, second] = [0, 1].map(() => tracer.start("request", { kind: "server", parent: null }));
    if (first === undefined || second === undefined) throw new Error("There are two.");
    const letters = [
      ...lettersOf([get("secret"), get("other")], 0, { deadlineMs: 100, span: first }),
      ...lettersOf([get("a")], 0, { deadlineMs: 100, span: second }),
      ...lettersOf([get("b")], 0, { deadlineMs: 100 }),
    ];
    const batch = new Batch("b1", letters, 5, log);
    const options = batch.leave(node, tracer);
    const span = tracer.spans.at(-1);
    expect(options).toEqual({ timeoutMs: 95, requestId: "b1", traceparent: span?.traceparent });
    expect(span).toMatchObject({ parent: first, links: [first, second], isEnded: false });
    expect(span?.attributes).toEqual({
      "http.request.method": "POST",
      "url.path": "/batch",
      "server.address": "127.0.0.1",
      "server.port": 4001,
      "shardgate.node": "node1",
      "shardgate.batch.id": "b1",
      "shardgate.batch.operations": 4,
      "shardgate.batch.shards": new Set(letters.map(({ operation }) => operation.shard)).size,
      "shardgate.batch.bytes": 0,
      "shardgate.batch.wait_ms": 5,
    });
    batch.returned(
      letters.map(() => ({ kind: "notFound" })),
      3,
      null,
    );
    expect(span).toMatchObject({ isEnded: true, failure: null });
  });

  it.each(["sent", "answered"] as const)("survives a recorder that throws when it learns of operations %s", (heard) => {
    const ownLog = new RecordLog();
    const tracer = new RecordTracer();
    const span = tracer.start("request", { kind: "server", parent: null });
    const cause = new Error("A bug.");
    const silent = { sent: () => {}, answered: () => {} };
    const recorder = {
      ...silent,
      [heard]: () => {
        throw cause;
      },
    };
    const batch = new Batch("b1", lettersOf([get("a")], 0, { deadlineMs: 100, span, recorder }), 0, ownLog);
    const options = batch.leave(node, tracer);
    expect(options).toEqual({ timeoutMs: 100, requestId: "b1", traceparent: tracer.spans.at(-1)?.traceparent });
    batch.returned([{ kind: "notFound" }], 7, null);
    expect(tracer.spans.at(-1)).toMatchObject({ isEnded: true });
    expect(ownLog.lines).toMatchObject([{ level: "error", facts: { err: cause, batchId: "b1" } }]);
  });

  it("ends its span as failed, and its record with the reason, when there is no usable answer", () => {
    const tracer = new RecordTracer();
    const span = tracer.start("request", { kind: "server", parent: null });
    const records: BatchRecord[] = [];
    const recorder = { sent: (_: Operation, record: BatchRecord) => records.push(record), answered() {} };
    const batch = new Batch("b1", lettersOf([get("a")], 0, { deadlineMs: 100, span, recorder }), 0, log);
    batch.leave(node, tracer);
    batch.returned([{ kind: "refused", code: "SHARD_UNAVAILABLE", message: "It is gone." }], 7, "timeout");
    expect(tracer.spans.at(-1)).toMatchObject({ isEnded: true, failure: "timeout" });
    expect(records).toMatchObject([{ id: "b1", node: "node1", operations: 1, serviceMs: 7, fault: "timeout" }]);
  });
});
