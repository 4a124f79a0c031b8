/**
 * One open request: which client sent it, how much of the gateway's memory it holds, and how long it may take. If there
 * is no room for it, it is refused before it costs anything. It has no timer: OpenRequests checks all requests once a
 * second.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import type { Linked } from "../../core/tasks/linked-list.js";
import { StopSource } from "../../core/tasks/stop-signal.js";
import type { Caller } from "../access/caller.js";
import type { Metrics, RequestRefusal } from "../metrics/gateway-metrics.js";
import { clientOf } from "./client-of.js";
import type { FairShare, Shortage } from "./fair-share.js";
import { HeldAnswer } from "./held-answer.js";

/** After this time a body must have arrived at `gatewayBodyBytesPerSecondMin` on average. */
export const gatewayBodyGraceMs = 10_000;

/** Slowest body: slower than any modem line. Stops clients that send a byte now and then. */
export const gatewayBodyBytesPerSecondMin = 1024;

/** How long the rest of an answered request is discarded, so that its client can read the answer. */
export const gatewayDiscardMs = 2_000;

/** How long a client may take to read a complete answer: as long as for sending a request. */
export const gatewaySendTimeoutMs = 60_000;

export interface OpenRequestParts {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly metrics: Pick<Metrics, "requestRefused">;
}

/** What all requests share; each client has a part of it. */
export interface RequestShares {
  readonly requests: FairShare;
  readonly bodies: FairShare;
  readonly answers: FairShare;
}

export class OpenRequest implements Linked<OpenRequest> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  previous: OpenRequest | null = null;
  next: OpenRequest | null = null;
  isListed = false;
  /** The part of its answer that is in memory. */
  readonly answer: HeldAnswer;
  /** The headers of its answer, names and values alternating: set by `setHeaders` or written by the handler. */
  readonly headers: string[] = [];
  #areHeadersSet = false;
  /** The client waits for `100 Continue` before it sends the body (RFC 9110, 10.1.1). */
  awaitsContinue = false;
  readonly #shares: RequestShares;
  readonly #parts: OpenRequestParts;
  #client: string;
  #isAdmitted = false;
  #isAnswered = false;
  #bodyBytes = 0;
  /** When the current wait for the client began. */
  #sinceMs: number | null = null;
  /** Aborts when the client disconnects before the answer. */
  readonly clientGone = new StopSource();
  #giveUpBody: ((error: ShardgateError) => void) | null = null;

  constructor(request: IncomingMessage, response: ServerResponse, shares: RequestShares, parts: OpenRequestParts) {
    this.request = request;
    this.response = response;
    this.#client = clientOf(request, null);
    this.answer = new HeldAnswer(shares.answers, this.#client);
    this.#shares = shares;
    this.#parts = parts;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Sets `headers`, once. */
  setHeaders(): void {
    if (this.#areHeadersSet || this.response.headersSent) return;
    this.#areHeadersSet = true;
    const { headers } = this;
    for (let at = 0; at < headers.length; at += 2) this.response.setHeader(headers[at] ?? "", headers[at + 1] ?? "");
  }

  /** Admits the request and returns null, or returns the refusal: OVERLOADED or TOO_MANY_REQUESTS. */
  admit(): ShardgateError | null {
    const { requests, answers } = this.#shares;
    const unfetched = answers.shortage(this.#client, 1);
    if (unfetched !== null) return this.#refused(unfetched, "answers");
    const shortage = requests.take(this.#client, 1);
    if (shortage !== null) return this.#refused(shortage, "requests");
    this.#isAdmitted = true;
    return null;
  }

  /**
   * Counts the request for its authenticated caller, whatever address it came from. Call before the body is read.
   * Throws TOO_MANY_REQUESTS.
   */
  countFor(caller: Pick<Caller, "name">): void {
    if (!this.#isAdmitted) return;
    this.#shares.requests.giveBack(this.#client, 1);
    this.#isAdmitted = false;
    this.#client = clientOf(this.request, caller);
    this.answer.client = this.#client;
    const refusal = this.admit();
    if (refusal !== null) throw refusal;
  }

  /** The refusal that a body with this many bytes would get now; null when there is room. */
  bodyRefusal(bytes: number): ShardgateError | null {
    const shortage = this.#shares.bodies.shortage(this.#client, bytes);
    return shortage === null ? null : this.#refused(shortage, "bodies");
  }

  /**
   * Reserves memory for more of the body and returns null, or returns the refusal. The memory is held until the end of
   * the answer, because the values are too.
   */
  holdBody(bytes: number): ShardgateError | null {
    const shortage = this.#shares.bodies.take(this.#client, bytes);
    if (shortage !== null) return this.#refused(shortage, "bodies");
    this.#bodyBytes += bytes;
    return null;
  }

  /** Starts the reading of the body. `giveUp` is called when it arrives too slowly. */
  beginBody(giveUp: (error: ShardgateError) => void): void {
    this.#sinceMs = this.#parts.clock.monotonicMs();
    this.#giveUpBody = giveUp;
  }

  endBody(): void {
    this.#sinceMs = null;
    this.#giveUpBody = null;
  }

  /** Called when the client has disconnected. */
  leave(): void {
    this.clientGone.abort();
    this.#giveUpBody?.(new ShardgateError("BAD_REQUEST", "The client closed the connection while sending the body."));
  }

  /** Returns everything that the request holds. */
  end(): void {
    const { requests, bodies } = this.#shares;
    this.#isAnswered = true;
    this.#sinceMs = null;
    if (this.#isAdmitted) requests.giveBack(this.#client, 1);
    if (this.#bodyBytes > 0) bodies.giveBack(this.#client, this.#bodyBytes);
    this.answer.end();
  }

  /** Ends the request when its client is too slow. Returns true when there is nothing left to check. */
  isLeft(nowMs: number): boolean {
    const { request, response } = this;
    if (this.#isAnswered) {
      if (request.complete || request.socket.destroyed) return true;
      return this.#cutAfter(gatewayDiscardMs, nowMs, null);
    }
    if (this.#giveUpBody !== null) this.#checkBody(nowMs, this.#giveUpBody);
    else if (response.writableEnded) this.#cutAfter(gatewaySendTimeoutMs, nowMs, "unfetched-answer");
    return false;
  }

  #checkBody(nowMs: number, giveUp: (error: ShardgateError) => void): void {
    const takenMs = nowMs - (this.#sinceMs ?? nowMs);
    if (takenMs <= gatewayBodyGraceMs || this.#bodyBytes * 1000 >= takenMs * gatewayBodyBytesPerSecondMin) return;
    this.endBody();
    this.#parts.metrics.requestRefused("slow-body");
    giveUp(new ShardgateError("REQUEST_TIMEOUT", "The body arrives too slowly."));
  }

  #cutAfter(afterMs: number, nowMs: number, reason: RequestRefusal | null): boolean {
    this.#sinceMs ??= nowMs;
    if (nowMs - this.#sinceMs < afterMs) return false;
    if (reason !== null) this.#parts.metrics.requestRefused(reason);
    this.request.socket.destroy();
    return true;
  }

  #refused(shortage: Shortage, what: "requests" | "bodies" | "answers"): ShardgateError {
    if (shortage === "all") {
      this.#parts.metrics.requestRefused(what);
      return new ShardgateError("OVERLOADED", `The gateway is at its limit of concurrent ${what}.`);
    }
    this.#parts.metrics.requestRefused(`client-${what}`);
    return new ShardgateError("TOO_MANY_REQUESTS", `This client is at its limit of concurrent ${what}.`);
  }
}
