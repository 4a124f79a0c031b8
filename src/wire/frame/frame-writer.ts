/**
 * Writes messages to a connection in frames, for both ends. Everything of one turn of the event loop goes into one
 * write; waiting messages take turns, a frame each; and no more is written than the connection accepts, so that waiting
 * messages can still be withdrawn.
 */
import { frameBodyBytesMax } from "../../core/limits.js";
import { frameHeadBytes, writeFrameHead, type FrameType } from "./frame.js";

/**
 * The frames of one turn are joined into one write up to this size; copying more would cost more than a write of
 * several pieces.
 */
export const frameJoinedBytesMax = 16 * 1024;

/** The part of a socket that is used here. */
export interface FrameSink {
  /** Returns false when the sink wants no more until `FrameWriter.drained` is called. */
  write(bytes: Buffer): boolean;
  cork(): void;
  uncork(): void;
  /** Whether the sink is closed or about to be. */
  readonly destroyed: boolean;
}

/** One message to be sent. */
export class OutgoingMessage {
  readonly type: FrameType;
  readonly id: number;
  /** Sent before `body`; both form one message. */
  readonly prefix: Buffer;
  readonly body: Buffer;
  /** Bytes of `body` written so far. */
  sentBytes = 0;
  /** False: provably no byte of the message has left this process. */
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

  /** Total bytes of messages that are not completely written. */
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
    // Runs after all promises that settle in this turn, because their handlers may send more.
    process.nextTick(() => {
      this.#isPlanned = false;
      this.#write();
    });
  }

  /** Writes nothing more of the message with this id. */
  drop(id: number): void {
    const at = this.#waiting.findIndex((message) => message.id === id);
    const [message] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (message !== undefined) this.#unfinishedBytes -= message.bytes;
  }

  /** Writes now what would be written at the end of this turn. */
  flush(): void {
    if (!this.#isFull) this.#write();
  }

  /** Called when the connection accepts more again. */
  drained(): void {
    this.#isFull = false;
    if (!this.#isPlanned) this.#write();
  }

  /** Called when the connection is gone: nothing more is written. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
    this.#unfinishedBytes = 0;
  }

  #write(): void {
    while (this.#waiting.length > 0 && !this.#isFull && !this.#sink.destroyed) this.#isFull = !this.#writeRound();
  }

  /** Writes one frame of each message. Returns false when the connection wants no more. */
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

  /** Adds the next frame of a message. Returns its length in bytes. */
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
