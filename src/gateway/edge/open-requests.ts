/**
 * The requests that are under way, from their headers to the end of their answers: who sent them, what they hold of the
 * gateway's memory, and which connections owe an answer. Requests beyond what there is room for are refused before they
 * cost anything. Clients that send their bodies or fetch their answers too slowly are cut off here, in one round a second
 * over all requests, so that no request needs a timer of its own.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { GatewayBounds } from "../../core/bounds.js";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import {
  gatewayBodyBytesPerSecondMin,
  gatewayBodyGraceMs,
  gatewayConnectionCheckMs,
  gatewayDiscardMs,
  gatewaySendTimeoutMs,
} from "../../core/limits.js";
import { LinkedList, type Linked } from "../../core/tasks/linked-list.js";
import { StopSource } from "../../core/tasks/stop-signal.js";
import type { AnswerMemory } from "../../routing/answer-budget.js";
import { LastAnswers } from "../../tls/last-answer.js";
import type { Metrics, RequestRefusal } from "../metrics/gateway-metrics.js";
import type { Caller } from "../access/caller.js";
import { clientOf } from "./client-of.js";
import { FairShare, type Shortage } from "./fair-share.js";

export interface OpenRequestsParts {
  readonly bounds: GatewayBounds;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "requestBegan" | "requestEnded" | "requestRefused">;
  /** Called after each answer. */
  readonly onAnswered?: () => void;
}

export class OpenRequests {
  readonly #parts: OpenRequestsParts;
  readonly #shares: Shares;
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
      // A client that is alone gets half, in which one body has to fit.
      bodies: new FairShare(Math.max(bodiesBytes, 2 * bodyBytes)),
      // The requests that a client has begun may bring more than its half, and that is not known before it has come.
      answers: new FairShare(answersBytes, answersBytes, answersBytes / 2),
    };
  }

  /** To be called for every request; it ends by itself with its answer. */
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

  /** What `begin` made of it; throws BAD_REQUEST when its client has gone. */
  of(request: IncomingMessage): OpenRequest {
    const open = (request as BegunRequest)[openOf];
    if (open === undefined) throw new ShardgateError("BAD_REQUEST", "The client closed the connection.");
    return open;
  }

  /**
   * Ends the connection once every request that came in whole over it is answered; false: it owes no answer. Whatever else
   * was written there would be taken for an answer, or for a part of it: a write that happened would be told as a bad
   * request.
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

  /** Connections that have a request under way, or the rest of one that was answered early. */
  sockets(): ReadonlySet<Socket> {
    const sockets = new Set<Socket>();
    for (const { request } of this.#open) sockets.add(request.socket);
    return sockets;
  }

  /** Looks after nobody any more. */
  close(): void {
    this.#stopChecking?.();
    this.#stopChecking = null;
  }

  #end(open: OpenRequest): void {
    if (open.isAnswered) return;
    if (!open.response.writableFinished) open.leave();
    open.end();
    // Node keeps the last request of a connection, which would keep all of its answer.
    (open.request as BegunRequest)[openOf] = undefined;
    this.#parts.metrics.requestEnded();
    // What still comes of it has to end too.
    if (open.request.complete || open.request.socket.destroyed) this.#open.delete(open);
    this.#parts.onAnswered?.();
  }

  #checkAll(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const open of this.#open) {
      // Node closes no answer that waits behind another one when their connection is cut.
      if (open.request.socket.destroyed) this.#end(open);
      if (open.isLeft(nowMs)) this.#open.delete(open);
    }
    this.#stopChecking = this.#open.size === 0 ? null : this.#parts.clock.after(gatewayConnectionCheckMs, this.#check);
  }
}

/** Where a request keeps what `begin` made of it. */
const openOf = Symbol("open request");
type BegunRequest = IncomingMessage & { [openOf]?: OpenRequest | undefined };

interface Shares {
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
  /** What of its answer is in memory. */
  readonly answer: HeldAnswer;
  /** What its answer has, whoever gives it: names and values in turn. Either they are set, or written by whoever answers. */
  readonly headers: string[] = [];
  #areHeadersSet = false;
  /** It sends its body when it is told to (RFC 9110, 10.1.1). */
  awaitsContinue = false;
  readonly #shares: Shares;
  readonly #parts: OpenRequestsParts;
  #client: string;
  #isAdmitted = false;
  #isAnswered = false;
  #bodyBytes = 0;
  /** Since when what it waits for now lasts. */
  #sinceMs: number | null = null;
  /** Aborts when its client goes away without the answer. */
  readonly clientGone = new StopSource();
  #giveUpBody: ((error: ShardgateError) => void) | null = null;

  constructor(request: IncomingMessage, response: ServerResponse, shares: Shares, parts: OpenRequestsParts) {
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

  /** Takes it in, or says why it is refused: OVERLOADED or TOO_MANY_REQUESTS. */
  admit(): ShardgateError | null {
    const { requests, answers } = this.#shares;
    const unfetched = answers.shortage(this.#client, 1);
    if (unfetched !== null) return this.#refused(unfetched, "answers");
    const shortage = requests.take(this.#client, 1);
    if (shortage !== null) return this.#refused(shortage, "requests");
    this.#isAdmitted = true;
    return null;
  }

  /** Counts it for its caller from now on, whatever address it came from; throws TOO_MANY_REQUESTS. Before its body is read. */
  countFor(caller: Pick<Caller, "name">): void {
    if (!this.#isAdmitted) return;
    this.#shares.requests.giveBack(this.#client, 1);
    this.#isAdmitted = false;
    this.#client = clientOf(this.request, caller);
    this.answer.client = this.#client;
    const refusal = this.admit();
    if (refusal !== null) throw refusal;
  }

  /** Why so many bytes of body would be refused at this moment; null: they would not. */
  bodyRefusal(bytes: number): ShardgateError | null {
    const shortage = this.#shares.bodies.shortage(this.#client, bytes);
    return shortage === null ? null : this.#refused(shortage, "bodies");
  }

  /** Holds more of its body, or says why not. They are held until the answer is over, because so are their values. */
  holdBody(bytes: number): ShardgateError | null {
    const shortage = this.#shares.bodies.take(this.#client, bytes);
    if (shortage !== null) return this.#refused(shortage, "bodies");
    this.#bodyBytes += bytes;
    return null;
  }

  /** Its body is being read; `giveUp` is called when it comes too slowly. */
  beginBody(giveUp: (error: ShardgateError) => void): void {
    this.#sinceMs = this.#parts.clock.monotonicMs();
    this.#giveUpBody = giveUp;
  }

  endBody(): void {
    this.#sinceMs = null;
    this.#giveUpBody = null;
  }

  /** The client is gone. */
  leave(): void {
    this.clientGone.abort();
    this.#giveUpBody?.(new ShardgateError("BAD_REQUEST", "The client closed the connection while sending the body."));
  }

  /** Gives everything back. */
  end(): void {
    const { requests, bodies } = this.#shares;
    this.#isAnswered = true;
    this.#sinceMs = null;
    if (this.#isAdmitted) requests.giveBack(this.#client, 1);
    if (this.#bodyBytes > 0) bodies.giveBack(this.#client, this.#bodyBytes);
    this.answer.end();
  }

  /** Ends what takes too long. True: there is nothing left to look after. */
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

/**
 * The part of an open request that routing knows: what of its answer is in memory. It does not know the request, because
 * routing keeps it for longer than a request lives, and everything that hangs on one would wait for the garbage collector.
 */
export class HeldAnswer implements AnswerMemory {
  readonly #share: FairShare;
  client: string;
  #bytes = 0;
  #isOver = false;

  constructor(share: FairShare, client: string) {
    this.#share = share;
    this.client = client;
  }

  /** Its client may have no more answers in memory. */
  get isFull(): boolean {
    return this.#share.shortage(this.client, 0) !== null;
  }

  /** So much more is in memory, until the client has fetched it. */
  hold(bytes: number): void {
    if (this.#isOver) return;
    this.#bytes += bytes;
    this.#share.add(this.client, bytes);
  }

  /** It is fetched, or nobody will. */
  end(): void {
    this.#isOver = true;
    if (this.#bytes > 0) this.#share.giveBack(this.client, this.#bytes);
  }
}
