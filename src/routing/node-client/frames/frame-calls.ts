/**
 * The gateway's end of one connection of frames to a storage node: sends batches, matches the answers, and knows for
 * each batch whether it may have been executed when the connection breaks or the timeout passes. One timer serves all
 * calls.
 */
import type { Duplex } from "node:stream";
import {
  attemptTimeoutMs,
  framePartBytesMin,
  largeAnswerBytesMin,
  nodeAnswerBytesMax,
  nodeBatchBodyBytesMax,
} from "../../../core/limits.js";
import type { Outcome, RoutedOperation } from "../../../core/operation.js";
import { encodeBatchRequest } from "../../../wire/batch/batch-body.js";
import { decodeHello, encodeRequestFacts, FrameReader, type Frame, type Hello } from "../../../wire/frame/frame.js";
import { FrameWriter, OutgoingMessage } from "../../../wire/frame/frame-writer.js";
import { MessageParts } from "../../../wire/frame/message-parts.js";
import { batchMediaType, problemMediaType } from "../../../wire/paths.js";
import { CallSlots } from "./call-slots.js";
import { outcomesOf } from "../full-node.js";
import { NodeFault, type NodeCallOptions, type NodeFaultReason } from "../node-client.js";
import { jsonIn, malformedFault, type RawNodeAnswer } from "../node-exchange.js";

/** A gateway closes a connection of frames that has carried no call for this time, before the storage node does. */
export const frameIdleMs = 60_000;

/** Length of the ticks that count timeouts of calls over frames: a call ends up to one tick late, never early. */
const frameTickMs = 50;

export interface FrameCallsParts {
  /** The storage node, as messages name it. */
  readonly node: string;
  /** The cluster named in the upgrade request. */
  readonly clusterId: string;
  /** Called when the storage node has said hello: calls may begin. */
  readonly onReady: (hello: Hello) => void;
  /** Called when no further calls may begin. */
  readonly onLeave: () => void;
}

interface Call {
  readonly id: number;
  readonly operations: readonly RoutedOperation[];
  readonly message: OutgoingMessage;
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (fault: NodeFault) => void;
  /** The timeout of the call in ticks, and the tick in which it began. */
  readonly ticks: number;
  readonly startTick: number;
  /** The value of `FrameCalls.#heard` when the call began. */
  readonly heardBefore: number;
  /** The received parts of an answer in several frames. */
  parts: MessageParts | null;
  isProblem: boolean;
  stopListening: (() => void) | null;
}

export class FrameCalls {
  readonly #socket: Duplex;
  readonly #parts: FrameCallsParts;
  readonly #reader = new FrameReader();
  readonly #writer: FrameWriter;
  readonly #calls = new CallSlots<Call>();
  #hello: Hello | null = null;
  #tick = 0;
  #timer: NodeJS.Timeout | null = null;
  readonly #idleTimer: NodeJS.Timeout;
  /** Set while the connection is being ended. */
  #endTimer: NodeJS.Timeout | null = null;
  /** How many times bytes have arrived. */
  #heard = 0;
  #isUsed = true;
  #isLeaving = false;
  /** Why the connection broke, if known. */
  #cause: unknown = null;
  /** Whether the connection has carried an answer. */
  hasAnswered = false;

  constructor(socket: Duplex, parts: FrameCallsParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#writer = new FrameWriter(socket);
    socket.on("data", (bytes: Buffer) => this.#received(bytes));
    socket.on("drain", () => this.#writer.drained());
    socket.on("error", (error) => (this.#cause ??= error));
    socket.on("end", () => socket.destroy());
    socket.once("close", () => this.#closed());
    this.#idleTimer = setInterval(() => this.#endIfIdle(), frameIdleMs / 2).unref();
  }

  get clusterId(): string {
    return this.#parts.clusterId;
  }

  /** Number of calls without an answer. */
  get size(): number {
    return this.#calls.size;
  }

  /** Whether a call may begin now. */
  get hasRoom(): boolean {
    const { requestsMax, bytesMax } = this.#hello ?? { requestsMax: 0, bytesMax: 0 };
    if (this.#isLeaving || this.#calls.size >= requestsMax) return false;
    return this.#writer.unfinishedBytes + nodeBatchBodyBytesMax <= bytesMax;
  }

  /** See NodeClient.execute. Call only while `hasRoom`. */
  execute(operations: readonly RoutedOperation[], options: NodeCallOptions): Promise<readonly Outcome[]> {
    return new Promise((resolve, reject) => {
      const id = this.#calls.nextId();
      const message = new OutgoingMessage("request", id, encodeBatchRequest(operations), encodeRequestFacts(options));
      const call: Call = {
        id,
        operations,
        message,
        resolve,
        reject,
        // The tick in progress does not count.
        ticks: Math.ceil(options.timeoutMs / frameTickMs) + 1,
        startTick: this.#tick,
        heardBefore: this.#heard,
        parts: null,
        isProblem: false,
        stopListening: null,
      };
      this.#calls.add(call);
      if (options.signal !== undefined && this.#isGivenUp(call, options.signal)) return;
      this.#isUsed = true;
      this.#writer.send(message);
      this.#timer ??= setTimeout(() => this.#ticked(), frameTickMs);
    });
  }

  /** Accepts no further calls, and ends the connection once the running ones are over. */
  leave(): void {
    this.#takeNoMore();
    if (this.#calls.size > 0 || this.#endTimer !== null) return;
    // Everything written has been handed over by then, and no answer is expected.
    this.#socket.end(() => this.#socket.destroy());
    // A storage node that no longer reads would keep the connection open for ever.
    this.#endTimer = setTimeout(() => this.#socket.destroy(), attemptTimeoutMs).unref();
  }

  /** Ends the connection now and fails all its calls with `reason`. */
  destroy(reason: NodeFaultReason, what: string): void {
    this.#takeNoMore();
    this.#failAll(reason, what);
    this.#socket.destroy();
  }

  #takeNoMore(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#parts.onLeave();
  }

  /** Whether the caller has cancelled the call already. */
  #isGivenUp(call: Call, signal: NonNullable<NodeCallOptions["signal"]>): boolean {
    const onAbort = (): void => this.#giveUp(call, "aborted", "did not answer before the request was cancelled");
    if (signal.aborted) {
      onAbort();
      return true;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    call.stopListening = () => signal.removeEventListener("abort", onAbort);
    return false;
  }

  #received(bytes: Buffer): void {
    this.#heard++;
    this.#reader.push(bytes);
    try {
      for (;;) {
        const frame = this.#reader.next();
        if (frame === null) break;
        this.#take(frame);
      }
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      this.destroy("malformedAnswer", `gave an answer that cannot be understood (${what})`);
    }
    if (this.#isLeaving && this.#calls.size === 0) this.leave();
  }

  /** Throws for frames that a shardgate storage node does not send. */
  #take(frame: Frame): void {
    if (frame.type === "goodbye") return this.leave();
    if (this.#hello === null || frame.type === "hello") return this.#takeHello(frame);
    if (frame.type === "request" || frame.type === "cancel") throw new Error(`a frame of type ${frame.type}`);
    const call = this.#calls.get(frame.id);
    // The answer to a cancelled call may still arrive.
    if (call === null) return;
    if ((call.parts === null) === (frame.type === "part")) throw new Error(`a ${frame.type} in the wrong place`);
    if (frame.type !== "part") call.isProblem = frame.type === "problem";
    if (call.parts === null && !frame.hasMore) this.#answered(call, frame.body);
    else this.#takePart(call, frame);
  }

  #takeHello({ type, body }: Frame): void {
    const hello = type === "hello" && this.#hello === null ? decodeHello(body) : null;
    if (hello === null) throw new Error(`a ${type} in the wrong place`);
    this.#hello = hello;
    this.#parts.onReady(hello);
  }

  #takePart(call: Call, { body, hasMore }: Frame): void {
    call.parts ??= new MessageParts();
    call.parts.add(body);
    if (call.parts.bytes > nodeAnswerBytesMax + framePartBytesMin) {
      this.#giveUp(call, "answerTooLarge", `gave an answer longer than ${nodeAnswerBytesMax} bytes`);
    } else if (!hasMore) {
      this.#answered(call, call.parts.join());
    }
  }

  #answered(call: Call, body: Buffer): void {
    this.#forget(call);
    this.hasAnswered = true;
    try {
      call.resolve(outcomesOf(answerOf(call, body), call.operations, this.#parts.node));
    } catch (error) {
      const { node } = this.#parts;
      call.reject(error instanceof NodeFault ? error : malformedFault(node, String(error), error));
    }
  }

  #ticked(): void {
    this.#timer = null;
    if (this.#calls.size === 0) return;
    this.#timer = setTimeout(() => this.#ticked(), frameTickMs);
    this.#tick++;
    const late = this.#calls.all().filter(({ startTick, ticks }) => this.#tick - startTick >= ticks);
    // Frames that arrived during the last tick are read first.
    if (late.length > 0) setImmediate(() => late.forEach((call) => this.#timedOut(call)));
  }

  #timedOut(call: Call): void {
    if (this.#calls.get(call.id) !== call) return;
    const bytes = call.parts?.bytes ?? 0;
    const isSlow = bytes >= largeAnswerBytesMin;
    const came = isSlow ? `; ${bytes} bytes of its answer arrived` : "";
    this.#giveUp(call, isSlow ? "slowAnswer" : "timeout", `did not answer in time${came}`);
    // Nothing has arrived since the call began: the connection may be at fault, not the storage node.
    if (this.#heard === call.heardBefore) this.leave();
  }

  /** Ends one call; the storage node need not answer it any more. */
  #giveUp(call: Call, reason: NodeFaultReason, what: string): void {
    const { message } = call;
    this.#forget(call);
    this.#writer.drop(message.id);
    if (message.isBegun) this.#writer.send(new OutgoingMessage("cancel", message.id, noBytes));
    call.reject(this.#fault(call, reason, what));
    if (this.#isLeaving && this.#calls.size === 0) this.leave();
  }

  #forget(call: Call): void {
    this.#calls.delete(call);
    call.stopListening?.();
  }

  #fault({ message }: Call, reason: NodeFaultReason, what: string): NodeFault {
    return new NodeFault(reason, `${this.#parts.node} ${what}`, !message.isBegun, this.#cause ?? undefined);
  }

  #failAll(reason: NodeFaultReason, what?: string): void {
    for (const call of this.#calls.all()) {
      const end = call.message.isBegun ? "its answer was complete" : "the batch was sent";
      call.stopListening?.();
      call.reject(this.#fault(call, reason, what ?? `closed the connection before ${end}`));
    }
    this.#calls.clear();
    this.#writer.stop();
  }

  #endIfIdle(): void {
    if (this.#calls.size === 0 && !this.#isUsed) this.leave();
    this.#isUsed = false;
  }

  #closed(): void {
    clearInterval(this.#idleTimer);
    for (const timer of [this.#timer, this.#endTimer]) if (timer !== null) clearTimeout(timer);
    this.#takeNoMore();
    this.#failAll("connectionReset");
  }
}

const noBytes = Buffer.alloc(0);

/** The answer as HTTP would have delivered it. */
function answerOf({ isProblem }: Call, body: Buffer): RawNodeAnswer {
  if (!isProblem) return { status: 200, mediaType: batchMediaType, body };
  const problem = jsonIn(body);
  const status = typeof problem === "object" && problem !== null && "status" in problem ? Number(problem.status) : 0;
  return { status: status >= 400 ? status : 500, mediaType: problemMediaType, body };
}
