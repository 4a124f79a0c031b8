/**
 * One batch that arrived in frames: executed as that of a `POST /batch`, and counted, traced and logged under the same
 * name.
 */
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { endRequestSpan, startRequestSpan, type Span, type Tracer } from "../../core/tracing.js";
import type { RequestFacts } from "../../wire/frame/frame.js";
import { OutgoingMessage } from "../../wire/frame/frame-writer.js";
import { batchPath, requestIdHeader, traceparentHeader } from "../../wire/paths.js";
import { problemOf } from "../../wire/problem.js";
import type { AnswerBatch } from "../batch-service.js";
import type { OperationCaller } from "../operation-caller.js";
import type { NodeMetrics } from "../node-metrics.js";

/** Shared by all connections of frames of a storage node. */
export interface FrameService {
  readonly answer: AnswerBatch;
  /** Counts running requests. While it is closed, no request is started. */
  readonly gate: { readonly isClosed: boolean; begin(): void; end(): void };
  readonly metrics: Pick<NodeMetrics, "requestAnswered">;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: requests are not traced. */
  readonly tracer?: Tracer;
  /** How many connections a gateway should open to this storage node. */
  readonly connections: number;
}

/** Where and when a request arrived. */
interface FrameOrigin {
  /** When its first bytes arrived, on the monotonic clock. */
  readonly sinceMs: number;
  /** Identified by the upgrade request. */
  readonly caller: OperationCaller;
}

export class FrameRequest {
  readonly id: number;
  /** True once the gateway no longer waits for the answer. */
  isCancelled = false;
  readonly #facts: RequestFacts;
  readonly #batch: Buffer;
  readonly #origin: FrameOrigin;

  constructor(
    id: number,
    { facts, batch }: { readonly facts: RequestFacts; readonly batch: Buffer },
    origin: FrameOrigin,
  ) {
    this.id = id;
    this.#facts = facts;
    this.#batch = batch;
    this.#origin = origin;
  }

  get bytes(): number {
    return this.#batch.length;
  }

  /** Whether the gateway's timeout for this request has passed. */
  isOver(nowMs: number): boolean {
    return nowMs - this.#origin.sinceMs > this.#facts.timeoutMs;
  }

  /** Resolves to the answer or the refusal. Never rejects. */
  async run(service: FrameService): Promise<OutgoingMessage> {
    const { gate, clock, tracer } = service;
    const startMs = clock.monotonicMs();
    const span = tracer === undefined ? undefined : this.#startSpan(tracer);
    const caller = { ...this.#origin.caller, span, requestId: this.#facts.requestId };
    try {
      if (gate.isClosed) throw new ShardgateError("DRAINING", "The storage node is shutting down.");
      const body = await service.answer(this.#batch, caller);
      this.#done(service, span, { status: 200, startMs });
      return new OutgoingMessage("answer", this.id, body);
    } catch (error) {
      const known = this.#known(error, service.log);
      this.#done(service, span, { status: known.rule.httpStatus, startMs });
      return problemMessage("problem", this.id, known);
    }
  }

  #startSpan(tracer: Tracer): Span {
    const { requestId, traceparent } = this.#facts;
    const headers = { [requestIdHeader]: requestId, [traceparentHeader]: traceparent };
    return startRequestSpan(tracer, { method: "POST", route: batchPath, headers });
  }

  #done(
    { metrics, clock, log }: FrameService,
    span: Span | undefined,
    { status, startMs }: { readonly status: number; readonly startMs: number },
  ): void {
    const durationMs = clock.monotonicMs() - startMs;
    const request = { route: batchPath, method: "POST", status, durationMs };
    metrics.requestAnswered(request);
    log.debug({ requestId: this.#facts.requestId, ...request }, "A request was answered.");
    if (span !== undefined) endRequestSpan(span, status);
  }

  /** `error` in the form that the gateway may see. */
  #known(error: unknown, log: Log): ShardgateError {
    if (error instanceof ShardgateError) return error;
    const { requestId } = this.#facts;
    log.error({ err: error, requestId }, "A request failed unexpectedly; this is a bug, please report `err`.");
    return new ShardgateError(
      "INTERNAL_SERVER_ERROR",
      "The storage node failed to process the request; its log has the cause.",
    );
  }
}

export function problemMessage(type: "problem" | "goodbye", id: number, error: ShardgateError): OutgoingMessage {
  return new OutgoingMessage(type, id, Buffer.from(JSON.stringify(problemOf(error))));
}
