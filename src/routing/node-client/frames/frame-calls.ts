/**
 * The gateway's end of one connection of frames to a storage node: sends batches, matches the answers, and knows for each
 * batch whether it may have been carried out when the connection breaks or the time is over. One timer serves all calls.
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

/** After this long without a call a gateway closes its connection of frames: before the storage node does. */
export const frameIdleMs = 60_000;

/** The gateway counts the time of calls over frames in ticks this long: a call ends up to one too late, never too early. */
const frameTickMs = 50;

export interface FrameCallsParts {
  /** The storage node, as messages name it. */
  readonly node: string;
  /** The cluster that the upgrade named. */
  readonly clusterId: string;
  /** The storage node has said hello: calls may begin. */
  readonly onReady: (hello: Hello) => void;
  /** No further calls may begin. */
  readonly onLeave: () => void;
}

interface Call {
  readonly id: number;
  readonly operations: readonly RoutedOperation[];
  readonly message: OutgoingMessage;
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (fault: NodeFault) => void;
  /** The call's time in ticks, and the tick it began in. */
  readonly ticks: number;
  readonly startTick: number;
  /** `FrameCalls.#heard` when it began. */
  readonly heardBefore: number;
  /** Of an answer in several frames: what has come of it. */
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
  /** The connection is ending. */
  #endTimer: NodeJS.Timeout | null = null;
  /** How often something came. */
  #heard = 0;
  #isUsed = true;
  #isLeaving = false;
  /** Why the connection broke, as far as is known. */
  #cause: unknown = null;
  /** Whether it has carried an answer. */
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

  /** Calls without an answer. */
  get size(): number {
    return this.#calls.size;
  }

  /** Whether a call may begin now. */
  get hasRoom(): boolean {
    const { requestsMax, bytesMax } = this.#hello ?? { requestsMax: 0, bytesMax: 0 };
    if (this.#isLeaving || this.#calls.size >= requestsMax) return false;
    return this.#writer.unfinishedBytes + nodeBatchBodyBytesMax <= bytesMax;
  }

  /** The same as NodeClient.execute. Only while it `hasRoom`. */
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
        // The tick under way counts for nothing.
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

  /** Takes no further calls, and ends the connection when those under way are over. */
  leave(): void {
    this.#takeNoMore();
    if (this.#calls.size > 0 || this.#endTimer !== null) return;
    // What is written is on its way by then, and nothing is expected.
    this.#socket.end(() => this.#socket.destroy());
    // A storage node that reads nothing any more would keep it open for good.
    this.#endTimer = setTimeout(() => this.#socket.destroy(), attemptTimeoutMs).unref();
  }

  /** Ends the connection now, and all calls with `reason`. */
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

  /** True: its caller has given it up already. */
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

  /** Throws for what no storage node of ours sends. */
  #take(frame: Frame): void {
    if (frame.type === "goodbye") return this.leave();
    if (this.#hello === null || frame.type === "hello") return this.#takeHello(frame);
    if (frame.type === "request" || frame.type === "cancel") throw new Error(`a frame of type ${frame.type}`);
    const call = this.#calls.get(frame.id);
    // What its caller has given up may come all the same.
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
    // What came during the last tick is read first.
    if (late.length > 0) setImmediate(() => late.forEach((call) => this.#timedOut(call)));
  }

  #timedOut(call: Call): void {
    if (this.#calls.get(call.id) !== call) return;
    const bytes = call.parts?.bytes ?? 0;
    const isSlow = bytes >= largeAnswerBytesMin;
    const came = isSlow ? `; ${bytes} bytes of its answer arrived` : "";
    this.#giveUp(call, isSlow ? "slowAnswer" : "timeout", `did not answer in time${came}`);
    // Nothing at all came in all that time: it may be the connection, and not the storage node.
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

/** The answer that HTTP would have brought. */
function answerOf({ isProblem }: Call, body: Buffer): RawNodeAnswer {
  if (!isProblem) return { status: 200, mediaType: batchMediaType, body };
  const problem = jsonIn(body);
  const status = typeof problem === "object" && problem !== null && "status" in problem ? Number(problem.status) : 0;
  return { status: status >= 400 ? status : 500, mediaType: problemMediaType, body };
}
