/**
 * One batch sent to a storage node: its figures, and its reports to the callers' recorders and traces and to the log.
 * Without recorders and traces it reports nothing.
 */
import { attemptTimeoutMs, requestIdsLoggedMax } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { Outcome } from "../../core/operation.js";
import { startShared, type Span, type Tracer } from "../../core/tracing.js";
import type { NodeRecord } from "../../registry/cluster-map.js";
import { batchPath } from "../../wire/paths.js";
import type { NodeCallOptions, NodeFault, NodeFaultReason } from "../node-client/node-client.js";
import { WatchedBatch } from "../recorder.js";
import type { Letter } from "./submission.js";

export class Batch {
  readonly id: string;
  readonly letters: readonly Letter[];
  /** When the batch was sent, on the monotonic clock. */
  readonly sentMs: number;
  /** Bytes of the values in the batch. */
  readonly bytes: number;
  /** How long the batch's oldest operation has waited. */
  readonly waitMs: number;
  /**
   * The attempt ends after this time: by then the deadlines of all callers have passed, or the node has taken too long.
   */
  readonly timeoutMs: number;
  readonly #isWatched: boolean;
  readonly #isTraced: boolean;
  #record: WatchedBatch | null = null;
  readonly #log: Log;
  #span: Span | undefined;

  constructor(id: string, letters: readonly Letter[], nowMs: number, log: Log) {
    this.#log = log;
    this.id = id;
    this.letters = letters;
    this.sentMs = nowMs;
    let [bytes, sinceMs, deadlineMs, isWatched, isTraced] = [0, nowMs, nowMs, false, false];
    for (const { valueBytes, submission } of letters) {
      const { context } = submission;
      bytes += valueBytes;
      sinceMs = Math.min(sinceMs, submission.sinceMs);
      deadlineMs = Math.max(deadlineMs, context.deadlineMs);
      isWatched ||= context.recorder !== undefined;
      isTraced ||= context.span !== undefined;
    }
    this.bytes = bytes;
    this.waitMs = nowMs - sinceMs;
    this.timeoutMs = Math.min(attemptTimeoutMs, deadlineMs - nowMs);
    this.#isWatched = isWatched;
    this.#isTraced = isTraced;
  }

  /** Starts the reports of a batch that is being sent to `node`. Returns the options of the call. */
  leave(node: NodeRecord, tracer: Tracer | undefined): NodeCallOptions {
    const { id, timeoutMs } = this;
    this.#report(() => {
      if (this.#isTraced) this.#span = this.#startSpan(node, tracer);
      if (this.#isWatched) this.#record = this.#startRecord(node);
    });
    const traceparent = this.#span?.traceparent;
    return traceparent === undefined ? { timeoutMs, requestId: id } : { timeoutMs, requestId: id, traceparent };
  }

  /** `outcomes`: one per operation, in order. `fault`: why there was no usable answer; null when there was one. */
  returned(outcomes: readonly Outcome[], serviceMs: number, fault: NodeFaultReason | null): void {
    this.#report(() => {
      if (fault !== null) this.#span?.fail(fault);
      this.#span?.end();
      this.#record?.returned(outcomes, serviceMs, fault);
    });
  }

  /** Logs the ids of the client requests, so that a search for one of them finds the cause. */
  logFailure({ name: node, url }: NodeRecord, fault: NodeFault): void {
    const log = this.#log;
    const { reason } = fault;
    const { id: batchId, letters } = this;
    const facts = {
      batchId,
      node,
      url,
      reason,
      operations: letters.length,
      err: fault,
      requestIds: this.#requestIds(),
    };
    if (reason === "aborted") log.debug(facts, "A batch was cancelled.");
    else if (reason === "gatewayBug")
      log.error(facts, "The client of a storage node failed; this is a bug of the gateway.");
    else log.warn(facts, "A batch got no usable answer. If this persists, check the storage node.");
  }

  /** An error thrown by a recorder or a trace must not cost callers their answers. */
  #report(report: () => void): void {
    if (!this.#isWatched && !this.#isTraced) return;
    try {
      report();
    } catch (error) {
      this.#log.error(
        { err: error, batchId: this.id },
        "The course of a batch could not be recorded; this is a bug of the gateway.",
      );
    }
  }

  /** The ids of the client requests in the batch, without repetitions; at most `requestIdsLoggedMax`. */
  #requestIds(): readonly string[] {
    const ids = new Set<string>();
    for (const { submission } of this.letters) {
      if (submission.context.requestId !== undefined) ids.add(submission.context.requestId);
      if (ids.size === requestIdsLoggedMax) break;
    }
    return [...ids];
  }

  #startRecord({ name: node }: NodeRecord): WatchedBatch {
    const { id, letters, sentMs } = this;
    const watched = letters.flatMap(({ operation, sinceMs, submission }, index) => {
      const { recorder } = submission.context;
      return recorder === undefined ? [] : [{ index, operation, waitMs: sentMs - sinceMs, recorder }];
    });
    return new WatchedBatch({ id, node, operations: letters.length }, watched);
  }

  /** The span names no keys: traces may be kept where the data must not be. */
  #startSpan({ name, url }: NodeRecord, tracer: Tracer | undefined): Span | undefined {
    const { letters } = this;
    const { hostname, port } = new URL(url);
    const attributes = {
      "http.request.method": "POST",
      "url.path": batchPath,
      "server.address": hostname,
      ...(port !== "" && { "server.port": Number(port) }),
      "shardgate.node": name,
      "shardgate.batch.id": this.id,
      "shardgate.batch.operations": letters.length,
      "shardgate.batch.shards": new Set(letters.map(({ operation }) => operation.shard)).size,
      "shardgate.batch.bytes": this.bytes,
      "shardgate.batch.wait_ms": this.waitMs,
    };
    const spans = new Set(letters.flatMap(({ submission }) => submission.context.span ?? []));
    return startShared(tracer, `POST ${batchPath}`, [...spans], { kind: "client", attributes });
  }
}
