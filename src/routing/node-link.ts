/**
 * One storage node as routing sees it: its client, the mailbox before it, and the breaker between the two. Everything
 * that happens to a batch is observed and judged here.
 */
import type { Clock } from "../core/clock.js";
import { connectTimeoutMs, mailboxInFlightMax } from "../core/limits.js";
import type { Log } from "../core/log.js";
import type { Outcome, RoutedOperation } from "../core/operation.js";
import { startShared, type Span, type Tracer } from "../core/tracing.js";
import type { NodeRecord } from "../registry/cluster-map.js";
import { batchPath } from "../wire/paths.js";
import { afterFailure, afterSignOfLife, closedBreaker, isProbeDue, openBreaker, type Breaker } from "./breaker.js";
import { Mailbox, type Batch } from "./mailbox.js";
import { countsAgainstNode } from "./node-blame.js";
import { NodeFault, PlainNodeFault, type NodeClient } from "./node-client.js";
import type { BreakerKind, RoutingObserver } from "./observer.js";
import { WatchedBatch } from "./recorder.js";
import { allUnsent, nodeText, refusedBecause } from "./refusal.js";
import type { RouteContext } from "./submission.js";

export interface NodeLinkOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** See MailboxOptions. */
  readonly utilization: () => number;
  readonly log: Log;
  readonly observer: RoutingObserver;
  /** Of batches, whose callers are traced too. */
  readonly tracer?: Tracer;
  /** Draws the id of each batch, for the logs of both sides. */
  readonly nextBatchId: () => string;
}

export interface NodeFigures {
  /** Of recent batches, smoothed; null before the first. */
  readonly latencyMs: number | null;
  readonly breaker: BreakerKind;
  readonly queued: number;
}

/** How much the newest batch moves `latencyMs`. */
const latencyWeight = 0.2;

export class NodeLink {
  readonly record: NodeRecord;
  readonly client: NodeClient;
  readonly #options: NodeLinkOptions;
  readonly #mailbox: Mailbox;
  #breaker: Breaker = closedBreaker;
  /** Why the breaker opened last. */
  #cause = "";
  #latencyMs: number | null = null;
  /** When the last batch was answered, on the monotonic clock. */
  #lastAnswerMs: number | null = null;
  #inFlight = 0;
  #isRetired = false;

  constructor(record: NodeRecord, client: NodeClient, options: NodeLinkOptions) {
    this.record = record;
    this.client = client;
    this.#options = options;
    this.#mailbox = new Mailbox({
      node: nodeText(record),
      send: (batch) => this.#send(batch),
      inFlightMax: () => (this.#breaker.kind === "closed" ? mailboxInFlightMax : 1),
      utilization: options.utilization,
      onDepth: (operations) => options.observer.queueDepth({ node: record.name, operations }),
      onUnsent: (reason, operations) => options.observer.unsent({ node: record.name, reason, operations }),
      clock: options.clock,
    });
  }

  get figures(): NodeFigures {
    return { latencyMs: this.#latencyMs, breaker: this.#breaker.kind, queued: this.#mailbox.queued };
  }

  /** One outcome per operation, in order. Never rejects; at once while the breaker is open. */
  execute(operations: readonly RoutedOperation[], context: RouteContext): Promise<readonly Outcome[]> {
    if (this.#breaker.kind !== "open") return this.#mailbox.submit(operations, context);
    const { clock, observer } = this.#options;
    if (isProbeDue(this.#breaker, clock.monotonicMs())) void this.#probe();
    observer.unsent({ node: this.record.name, reason: "breakerOpen", operations: operations.length });
    return Promise.resolve(allUnsent(operations, this.#cause));
  }

  /** The storage node gave a sign of life: an open breaker lets one batch through. */
  reachable(): void {
    this.#turn(afterSignOfLife(this.#breaker, this.#options.clock.monotonicMs()));
  }

  /** Refuses what waits, lets what is in flight come back, then closes the client. */
  retire(cause: string): void {
    this.#isRetired = true;
    this.#mailbox.close(cause);
    if (this.#inFlight === 0) void this.client.close();
  }

  /** Refuses what waits and ends what is in flight. */
  async close(): Promise<void> {
    this.#mailbox.close(`the gateway is stopping, and ${nodeText(this.record)} was not asked`);
    await this.client.close();
  }

  async #send(batch: Batch): Promise<readonly Outcome[]> {
    const { clock, log, observer, nextBatchId } = this.#options;
    const { name: node } = this.record;
    const { timeoutMs, watched, waitMs } = batch;
    const operations = batch.operations.length;
    const batchId = nextBatchId();
    const startMs = clock.monotonicMs();
    this.#inFlight++;
    observer.batchSent({ node, operations, bytes: batch.bytes, waitMs });
    const span = batch.spans.length === 0 ? undefined : this.#startSpan(batch, batchId);
    const record = watched.length === 0 ? null : new WatchedBatch({ id: batchId, node, operations }, watched);
    try {
      const outcomes = await this.client.execute(batch.operations, {
        timeoutMs,
        requestId: batchId,
        ...(span !== undefined && { traceparent: span.traceparent }),
      });
      const serviceMs = clock.monotonicMs() - startMs;
      this.#answered(operations, serviceMs);
      record?.returned(outcomes, serviceMs, null);
      log.debug({ batchId, node, operations, waitMs, serviceMs }, "A batch was answered.");
      return outcomes;
    } catch (error) {
      const fault = faultOf(error, nodeText(this.record));
      const outcomes = this.#failed({ batch, batchId, sentMs: startMs }, fault);
      span?.fail(fault.reason);
      record?.returned(outcomes, clock.monotonicMs() - startMs, fault.reason);
      return outcomes;
    } finally {
      span?.end();
      this.#inFlight--;
      if (this.#isRetired && this.#inFlight === 0) void this.client.close();
    }
  }

  /** Names no keys: traces are kept where values are not. */
  #startSpan({ spans, operations, bytes, waitMs }: Batch, batchId: string): Span | undefined {
    const { name, url } = this.record;
    const { hostname, port } = new URL(url);
    const attributes = {
      "http.request.method": "POST",
      "url.path": batchPath,
      "server.address": hostname,
      ...(port !== "" && { "server.port": Number(port) }),
      "shardgate.node": name,
      "shardgate.batch.id": batchId,
      "shardgate.batch.operations": operations.length,
      "shardgate.batch.shards": new Set(operations.map(({ operation }) => operation.shard)).size,
      "shardgate.batch.bytes": bytes,
      "shardgate.batch.wait_ms": waitMs,
    };
    return startShared(this.#options.tracer, `POST ${batchPath}`, spans, { kind: "client", attributes });
  }

  #answered(operations: number, serviceMs: number): void {
    const before = this.#latencyMs ?? serviceMs;
    this.#latencyMs = before + (serviceMs - before) * latencyWeight;
    this.#lastAnswerMs = this.#options.clock.monotonicMs();
    this.#options.observer.batchAnswered({ node: this.record.name, operations, serviceMs });
    this.#turn(closedBreaker);
  }

  #failed({ batch, batchId, sentMs }: SentBatch, fault: NodeFault): readonly Outcome[] {
    const { clock, observer, random } = this.#options;
    observer.batchFailed({ node: this.record.name, reason: fault.reason });
    this.#logFailure(batch, batchId, fault);
    const { timeoutMs } = batch;
    if (countsAgainstNode(fault, { sentMs, timeoutMs, lastAnswerMs: this.#lastAnswerMs })) {
      this.#cause = `${fault.message}, and is left alone for a moment`;
      // The sooner nothing is sent to a node that stops, the less is on its way when it closes its connections.
      const isFinal = fault.reason === "draining";
      this.#turn(afterFailure(this.#breaker, { sentMs, nowMs: clock.monotonicMs(), random: random(), isFinal }));
    }
    if (fault instanceof PlainNodeFault) return fault.outcomes;
    return batch.operations.map(({ operation }) => refusedBecause(operation, fault.message, fault.isUnsent));
  }

  /** Names the requests, so that whoever looks for one of them finds the whole cause here. */
  #logFailure(batch: Batch, batchId: string, fault: NodeFault): void {
    const { log } = this.#options;
    const { name: node, url } = this.record;
    const { reason } = fault;
    const facts = { batchId, node, url, reason, operations: batch.operations.length, err: fault };
    const told = { ...facts, requestIds: batch.requestIds() };
    if (reason === "aborted") log.debug(told, "A batch was given up.");
    else if (reason === "gatewayBug")
      log.error(told, "The client of a storage node failed; this is a bug of the gateway.");
    else log.warn(told, "A batch got no usable answer; look at the storage node if it lasts.");
  }

  /** On the side, for nobody's request. The next one is due only after another pause. */
  async #probe(): Promise<void> {
    const { clock, random } = this.#options;
    this.#breaker = openBreaker(clock.monotonicMs(), random());
    try {
      await this.client.probe({ timeoutMs: connectTimeoutMs });
    } catch {
      return;
    }
    this.reachable();
  }

  #turn(next: Breaker): void {
    const isNewState = next.kind !== this.#breaker.kind;
    this.#breaker = next;
    if (!isNewState) return;
    const { log, observer } = this.#options;
    const { name: node, url } = this.record;
    observer.breakerChanged({ node, state: next.kind });
    if (next.kind === "open") {
      log.warn(
        { node, url, cause: this.#cause },
        "The storage node fails; its requests are refused for now. Look at its process and its log.",
      );
      this.#mailbox.refuseWaiting(this.#cause, "breakerOpen");
    } else if (next.kind === "closed") {
      log.info({ node, url }, "The storage node is used again.");
    }
  }
}

interface SentBatch {
  readonly batch: Batch;
  readonly batchId: string;
  readonly sentMs: number;
}

/** What the client itself threw is no fault of the storage node. */
function faultOf(error: unknown, node: string): NodeFault {
  if (error instanceof NodeFault) return error;
  return new NodeFault("gatewayBug", `${node} could not be understood`, false, error);
}
