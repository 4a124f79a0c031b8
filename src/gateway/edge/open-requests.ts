/**
 * The open requests, from their headers to the end of their answers, and which connections have a pending answer.
 * Clients that send bodies or read answers too slowly are disconnected here, in one pass per second over all requests,
 * so that no request needs a timer of its own. open-request.ts decides what each request holds and how long it may
 * take.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { GatewayBounds } from "../../core/bounds.js";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import { gatewayConnectionCheckMs } from "../../core/limits.js";
import { LinkedList } from "../../core/tasks/linked-list.js";
import { LastAnswers } from "../../tls/last-answer.js";
import type { Metrics } from "../metrics/gateway-metrics.js";
import { FairShare } from "./fair-share.js";
import { gatewayDiscardMs, OpenRequest, type OpenRequestParts, type RequestShares } from "./open-request.js";

export interface OpenRequestsParts extends OpenRequestParts {
  readonly bounds: GatewayBounds;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "requestBegan" | "requestEnded" | "requestRefused">;
  /** Called after each answer. */
  readonly onAnswered?: () => void;
}

export class OpenRequests {
  readonly #parts: OpenRequestsParts;
  readonly #shares: RequestShares;
  readonly #open = new LinkedList<OpenRequest>();
  readonly #lastAnswers: LastAnswers;
  readonly #check = (): void => this.#checkAll();
  #stopChecking: (() => void) | null = null;

  constructor(parts: OpenRequestsParts) {
    const { requests, clientRequests, bodiesBytes, bodyBytes, answersBytes } = parts.bounds;
    this.#parts = parts;
    this.#lastAnswers = new LastAnswers(parts.clock, gatewayDiscardMs);
    this.#shares = {
      requests: new FairShare(requests, clientRequests),
      // A single client gets half, which must be enough for one body.
      bodies: new FairShare(Math.max(bodiesBytes, 2 * bodyBytes)),
      // Requests that have already begun may bring more than the client's half; how much is unknown before it arrives.
      answers: new FairShare(answersBytes, answersBytes, answersBytes / 2),
    };
  }

  /** Call for every request. The entry is removed when its answer ends. */
  begin(request: IncomingMessage, response: ServerResponse, awaitsContinue = false): OpenRequest {
    const open = new OpenRequest(request, response, this.#shares, this.#parts);
    open.awaitsContinue = awaitsContinue;
    this.#open.add(open);
    (request as BegunRequest)[openOf] = open;
    this.#parts.metrics.requestBegan();
    response.on("close", () => this.#end(open));
    this.#stopChecking ??= this.#parts.clock.after(gatewayConnectionCheckMs, this.#check);
    return open;
  }

  /** The object that `begin` returned for this request. Throws BAD_REQUEST when its client has disconnected. */
  of(request: IncomingMessage): OpenRequest {
    const open = (request as BegunRequest)[openOf];
    if (open === undefined) throw new ShardgateError("BAD_REQUEST", "The client closed the connection.");
    return open;
  }

  /**
   * Ends the connection once every request that arrived completely on it is answered. Returns false when no answer is
   * pending. A client would take anything else written there for an answer or a part of it: a successful write would
   * appear to be a bad request.
   */
  endBehindAnswers(socket: Duplex): boolean {
    if (this.#lastAnswers.isEnding(socket)) return true;
    let last: OpenRequest | null = null;
    for (const open of this.#open) {
      if (open.request.socket === socket && open.request.complete && !open.isAnswered) last = open;
    }
    if (last !== null) this.#lastAnswers.endBehind(last.response);
    return last !== null;
  }

  /** Connections with an open request, or with the unread rest of a request that was answered early. */
  sockets(): ReadonlySet<Socket> {
    const sockets = new Set<Socket>();
    for (const { request } of this.#open) sockets.add(request.socket);
    return sockets;
  }

  /** Stops the checks. */
  close(): void {
    this.#stopChecking?.();
    this.#stopChecking = null;
  }

  #end(open: OpenRequest): void {
    if (open.isAnswered) return;
    if (!open.response.writableFinished) open.leave();
    open.end();
    // Node keeps the last request of a connection, which would keep its whole answer in memory.
    (open.request as BegunRequest)[openOf] = undefined;
    this.#parts.metrics.requestEnded();
    // The rest of its body must end too.
    if (open.request.complete || open.request.socket.destroyed) this.#open.delete(open);
    this.#parts.onAnswered?.();
  }

  #checkAll(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const open of this.#open) {
      // Node does not close an answer that waits behind another one when their connection is destroyed.
      if (open.request.socket.destroyed) this.#end(open);
      if (open.isLeft(nowMs)) this.#open.delete(open);
    }
    this.#stopChecking = this.#open.size === 0 ? null : this.#parts.clock.after(gatewayConnectionCheckMs, this.#check);
  }
}

/** Where a request stores the object that `begin` returned. */
const openOf = Symbol("open request");
type BegunRequest = IncomingMessage & { [openOf]?: OpenRequest | undefined };
