/**
 * The storage node's end of one connection of frames: receives requests and answers them in any order, within its
 * bounds. It stops reading while it has too many requests or too many bytes of answers that the peer has not read. It
 * closes the connection when a peer stops in the middle of a request, reads no answers, or sends no requests.
 */
import type { Duplex } from "node:stream";
import { ShardgateError } from "../../core/error.js";
import {
  frameRequestBytesMax,
  frameRequestsMax,
  idleConnectionMs,
  receiveTimeoutMs,
  refusedRequestMs,
  nodeBatchAnswerBytesMax,
} from "../../core/limits.js";
import { decodeRequest, FrameError, FrameReader, type Frame, type Hello } from "../../wire/frame/frame.js";
import { FrameWriter, OutgoingMessage } from "../../wire/frame/frame-writer.js";
import type { OperationCaller } from "../operation-caller.js";
import { FrameRequest, problemMessage, type FrameService } from "./frame-request.js";
import { PartialRequests } from "./partial-requests.js";

/**
 * Most requests that run at once on one connection: many times what a gateway has in flight to a storage node, and few
 * enough that their answers, which may have `nodeBatchAnswerBytesMax`, fit in memory.
 */
export const frameRunningMax = 32;

/** After this many bytes of answers that the gateway has not read, no more requests of the connection are started. */
export const frameAnswerBytesMax = 2 * nodeBatchAnswerBytesMax;

export class FrameConnection {
  readonly #socket: Duplex;
  readonly #caller: OperationCaller;
  readonly #service: FrameService;
  readonly #reader = new FrameReader();
  readonly #writer: FrameWriter;
  readonly #partial = new PartialRequests();
  /**
   * Complete requests that are not answered yet: few, and a Map would keep later ones in memory (see
   * core/tasks/linked-list.ts).
   */
  readonly #open: FrameRequest[] = [];
  #openBytes = 0;
  /** The open requests that have not started; oldest first. */
  #waiting: FrameRequest[] = [];
  /** Number of requests that have started, including those whose answer is no longer wanted. */
  #running = 0;
  #lastReadMs: number;
  /**
   * The time since when a frame is incomplete, and the time since when the peer has read nothing; null if not the case.
   */
  #withinFrameSinceMs: number | null = null;
  #stuckSinceMs: number | null = null;
  #isPaused = false;
  #isLeaving = false;
  #isEnding = false;

  /** `head`: bytes received together with the upgrade. `caller`: identified by the upgrade request. */
  constructor(socket: Duplex, head: Buffer, caller: OperationCaller, service: FrameService) {
    this.#socket = socket;
    this.#caller = caller;
    this.#service = service;
    this.#writer = new FrameWriter(socket);
    this.#lastReadMs = service.clock.monotonicMs();
    const { connections } = service;
    const hello: Hello = { requestsMax: frameRequestsMax, bytesMax: frameRequestBytesMax, connections };
    this.#writer.send(new OutgoingMessage("hello", 0, Buffer.from(JSON.stringify(hello))));
    socket.on("data", (bytes: Buffer) => this.#received(bytes));
    socket.on("drain", () => this.#drained());
    socket.on("end", () => this.end());
    socket.once("close", () => this.#closed());
    if (head.length > 0) this.#received(head);
  }

  /**
   * Asks the gateway to send no more requests on this connection. Those that still arrive are answered until the
   * gateway ends the connection.
   */
  sayGoodbye(error: ShardgateError | null = null): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    const why = error === null ? new OutgoingMessage("goodbye", 0, noBytes) : problemMessage("goodbye", 0, error);
    this.#writer.send(why);
  }

  /** Accepts no more requests, and ends the connection once all answers are written. */
  end(error: ShardgateError | null = null): void {
    if (this.#isEnding) return;
    this.sayGoodbye(error);
    this.#isEnding = true;
    this.#partial.clear();
    // Bytes that still arrive are discarded: closing a connection with unread bytes would reset it, and the answers
    // would be lost.
    this.#socket.resume();
    this.#endIfDone();
  }

  cut(): void {
    this.#socket.destroy();
  }

  /** Closes the connection when the gateway is too slow to read or to send. Call about once a second. */
  check(nowMs: number): void {
    if (this.#socket.writableNeedDrain) this.#stuckSinceMs ??= nowMs;
    const isOver = (sinceMs: number | null): boolean => sinceMs !== null && nowMs - sinceMs > receiveTimeoutMs;
    if (isOver(this.#stuckSinceMs)) {
      this.#socket.destroy();
    } else if (isOver(this.#withinFrameSinceMs) || isOver(this.#partial.oldestMs)) {
      this.end(new ShardgateError("BAD_REQUEST", "A request did not arrive in time."));
    } else if (this.#open.length === 0 && this.#partial.size === 0 && nowMs - this.#lastReadMs > idleConnectionMs) {
      // The gateway ends the connection itself when asked to, because only it knows whether a request is on its way.
      if (this.#isLeaving) this.end();
      else this.sayGoodbye();
    }
  }

  /** Refusals count as answers do: while a gateway reads none of them, no more requests are read. */
  get #isFull(): boolean {
    if (this.#open.length >= frameRequestsMax || this.#openBytes >= frameRequestBytesMax) return true;
    return this.#writer.unfinishedBytes > frameAnswerBytesMax;
  }

  #received(bytes: Buffer): void {
    if (this.#isEnding) return;
    this.#lastReadMs = this.#service.clock.monotonicMs();
    this.#reader.push(bytes);
    this.#take();
  }

  /** Takes the received requests as far as there is room, then starts them: a cancellation may be in the same chunk. */
  #take(): void {
    try {
      while (!this.#isEnding && !this.#isFull) {
        const frame = this.#reader.next();
        if (frame === null) break;
        // Further bytes belong to another frame.
        this.#withinFrameSinceMs = null;
        this.#takeFrame(frame);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.end(new ShardgateError("BAD_REQUEST", error.message));
    }
    this.#readOn();
    this.#beginNext();
    // Dropping late requests may have made room, and no answer of theirs will trigger another read.
    if (this.#isPaused && !this.#isFull && !this.#isEnding) this.#take();
  }

  /** Pauses the socket while there is no room. Waiting for room does not count as a slow frame. */
  #readOn(): void {
    if (this.#isEnding) return;
    const isFull = this.#isFull;
    this.#withinFrameSinceMs =
      !isFull && this.#reader.isWithinFrame ? (this.#withinFrameSinceMs ?? this.#lastReadMs) : null;
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Throws a FrameError for anything that a shardgate gateway does not send. */
  #takeFrame({ type, id, hasMore, body }: Frame): void {
    if (type === "request") {
      if (this.#openAt(id) >= 0 || this.#partial.has(id))
        throw new FrameError("idInUse", `Request id ${id} is already in use.`);
      if (hasMore) this.#partial.begin(id, body, this.#lastReadMs);
      else this.#takeRequest(id, body);
    } else if (type === "part") {
      const joined = this.#partial.add(id, body, hasMore);
      if (joined === null) return;
      if (joined.isTooLong)
        this.#refuse(id, new ShardgateError("BODY_TOO_LARGE", "The batch exceeds the maximum length."));
      else this.#takeRequest(id, joined.body, joined.sinceMs);
    } else if (type === "cancel") {
      this.#cancel(id);
    } else {
      throw new FrameError("wrongDirection", `Gateways must not send frames of type ${type}.`);
    }
  }

  #takeRequest(id: number, body: Buffer, sinceMs = this.#lastReadMs): void {
    const decoded = decodeRequest(body);
    if (decoded === null) {
      this.#refuse(id, new ShardgateError("BAD_REQUEST", "The head of the request cannot be read."));
      return;
    }
    const request = new FrameRequest(id, decoded, { sinceMs, caller: this.#caller });
    this.#open.push(request);
    this.#openBytes += request.bytes;
    this.#waiting.push(request);
  }

  #cancel(id: number): void {
    this.#partial.delete(id);
    const request = this.#open[this.#openAt(id)];
    if (request !== undefined) {
      request.isCancelled = true;
      this.#forget(request);
      // A cancelled request must not stay in memory until the earlier ones are done.
      const at = this.#waiting.indexOf(request);
      if (at >= 0) this.#waiting.splice(at, 1);
    }
    this.#writer.drop(id);
  }

  /** Drops a request that no longer needs an answer. */
  #forget({ id, bytes }: FrameRequest): void {
    const at = this.#openAt(id);
    if (at < 0) return;
    this.#open.splice(at, 1);
    this.#openBytes -= bytes;
  }

  #openAt(id: number): number {
    for (let at = 0; at < this.#open.length; at++) if (this.#open[at]?.id === id) return at;
    return -1;
  }

  /** Starts waiting requests, as far as there is room for their answers. */
  #beginNext(): void {
    if (this.#waiting.length === 0) return;
    const nowMs = this.#service.clock.monotonicMs();
    let at = 0;
    for (; at < this.#waiting.length; at++) {
      if (this.#running >= frameRunningMax || this.#writer.unfinishedBytes > frameAnswerBytesMax) break;
      const request = this.#waiting[at];
      if (request === undefined) continue;
      if (request.isOver(nowMs)) this.#forget(request);
      else void this.#begin(request);
    }
    this.#waiting.splice(0, at);
  }

  async #begin(request: FrameRequest): Promise<void> {
    const { gate } = this.#service;
    this.#running++;
    gate.begin();
    const answer = await request.run(this.#service);
    this.#running--;
    if (!request.isCancelled) {
      this.#forget(request);
      this.#writer.send(answer);
    }
    gate.end();
    this.#goOn();
  }

  /** Called after a request has finished: there may be room for others, or nothing left to do. */
  #goOn(): void {
    this.#beginNext();
    if (this.#isEnding) this.#endIfDone();
    else if (this.#isPaused && !this.#isFull) this.#take();
  }

  #refuse(id: number, error: ShardgateError): void {
    this.#writer.send(problemMessage("problem", id, error));
  }

  #drained(): void {
    this.#stuckSinceMs = null;
    this.#writer.drained();
    this.#goOn();
  }

  #endIfDone(): void {
    if (this.#open.length > 0 || this.#running > 0 || this.#socket.writableEnded) return;
    this.#writer.flush();
    if (!this.#writer.isIdle) return;
    this.#socket.end();
    const cancel = this.#service.clock.after(refusedRequestMs, () => this.#socket.destroy());
    this.#socket.once("close", cancel);
  }

  #closed(): void {
    this.#isEnding = true;
    this.#writer.stop();
    this.#partial.clear();
    // Started requests continue, because a write may be committed already. Their answers are dropped.
    for (const request of this.#open.splice(0)) request.isCancelled = true;
    this.#openBytes = 0;
    this.#waiting = [];
  }
}

const noBytes = Buffer.alloc(0);
