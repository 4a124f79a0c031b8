/**
 * Puts messages into frames on one connection: everything of one turn of the event loop in one write, a frame of each
 * waiting message in turn, and no more than the connection takes, so that what waits can still be called back. The same
 * for both ends.
 */
import { frameBodyBytesMax } from "../../core/limits.js";
import { frameHeadBytes, writeFrameHead, type FrameType } from "./frame.js";

/** Up to here the frames of one turn are joined for one write; copying more would cost more than a write of several pieces. */
export const frameJoinedBytesMax = 16 * 1024;

/** What is needed of a socket. */
export interface FrameSink {
  /** False: it wants no more until `FrameWriter.drained` is called. */
  write(bytes: Buffer): boolean;
  cork(): void;
  uncork(): void;
  /** It is closed, or about to be. */
  readonly destroyed: boolean;
}

/** One message on its way out. */
export class OutgoingMessage {
  readonly type: FrameType;
  readonly id: number;
  /** Comes before `body`; together with it one message. */
  readonly prefix: Buffer;
  readonly body: Buffer;
  /** Bytes of `body` that are written. */
  sentBytes = 0;
  /** False: provably nothing of it has left this process. */
  isBegun = false;

  constructor(type: FrameType, id: number, body: Buffer, prefix: Buffer = noBytes) {
    this.type = type;
    this.id = id;
    this.body = body;
    this.prefix = prefix;
  }

  get bytes(): number {
    return this.prefix.length + this.body.length;
  }
}

const noBytes = Buffer.alloc(0);

export class FrameWriter {
  readonly #sink: FrameSink;
  #waiting: OutgoingMessage[] = [];
  #unfinishedBytes = 0;
  #isPlanned = false;
  #isFull = false;
  #isStopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Bytes of messages that are not written to their end. */
  get unfinishedBytes(): number {
    return this.#unfinishedBytes;
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0;
  }

  send(message: OutgoingMessage): void {
    if (this.#isStopped) return;
    this.#waiting.push(message);
    this.#unfinishedBytes += message.bytes;
    if (this.#isPlanned || this.#isFull) return;
    this.#isPlanned = true;
    // Behind all promises that settle in this turn, which have more to send.
    process.nextTick(() => {
      this.#isPlanned = false;
      this.#write();
    });
  }

  /** Writes nothing more of the message of this id. */
  drop(id: number): void {
    const at = this.#waiting.findIndex((message) => message.id === id);
    const [message] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (message !== undefined) this.#unfinishedBytes -= message.bytes;
  }

  /** Writes what may be written now, and not at the end of this turn. */
  flush(): void {
    if (!this.#isFull) this.#write();
  }

  /** The connection takes more again. */
  drained(): void {
    this.#isFull = false;
    if (!this.#isPlanned) this.#write();
  }

  /** The connection is gone: nothing is written any more. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
    this.#unfinishedBytes = 0;
  }

  #write(): void {
    while (this.#waiting.length > 0 && !this.#isFull && !this.#sink.destroyed) this.#isFull = !this.#writeRound();
  }

  /** One frame of each message. False: the connection wants no more. */
  #writeRound(): boolean {
    const round = this.#waiting.splice(0);
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (const message of round) {
      bytes += this.#addFrame(message, pieces);
      if (message.sentBytes < message.body.length) this.#waiting.push(message);
      else this.#unfinishedBytes -= message.bytes;
    }
    if (bytes <= frameJoinedBytesMax) return this.#sink.write(Buffer.concat(pieces, bytes));
    let isWilling = true;
    this.#sink.cork();
    for (const piece of pieces) isWilling = this.#sink.write(piece);
    this.#sink.uncork();
    return isWilling;
  }

  /** The frame's bytes. */
  #addFrame(message: OutgoingMessage, pieces: Buffer[]): number {
    const { id, body, sentBytes } = message;
    const type = message.isBegun ? "part" : message.type;
    const prefixBytes = message.isBegun ? 0 : message.prefix.length;
    const end = Math.min(body.length, sentBytes + frameBodyBytesMax - prefixBytes);
    const bodyBytes = prefixBytes + end - sentBytes;
    const head = Buffer.allocUnsafe(frameHeadBytes);
    writeFrameHead(head, { type, id, hasMore: end < body.length }, bodyBytes);
    pieces.push(head);
    if (prefixBytes > 0) pieces.push(message.prefix);
    if (end > sentBytes) pieces.push(end - sentBytes === body.length ? body : body.subarray(sentBytes, end));
    message.isBegun = true;
    message.sentBytes = end;
    return frameHeadBytes + bodyBytes;
  }
}
