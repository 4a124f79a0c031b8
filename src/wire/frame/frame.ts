/**
 * The frames that carry batches between a gateway and a storage node after an upgrade (RFC 9110, 7.8) to
 * `shardgate-batch/1`: encodes and decodes bytes; others handle sockets and calls. A frame is nine bytes (length of the
 * body as u32, type as u8, id as u32, all big-endian) and its body. A long message is split into frames of
 * `frameBodyBytesMax`, so that short messages with other ids fit in between: all but the last have the bit `more` in
 * their type, all but the first are of type `part`.
 */
import { frameBodyBytesMax, requestIdCharactersMax } from "../../core/limits.js";

/** Longest `traceparent` (W3C Trace Context, version 00). */
const traceparentCharactersMax = 55;

/** The protocol named in the upgrade request. */
export const frameProtocol = "shardgate-batch/1";

/** The number that is sent for each type. */
export const frameTypes = {
  /** Storage node, first of all: JSON, `{"requestsMax":256,"bytesMax":50331648,"connections":1}`. */
  hello: 0,
  /** Gateway: `RequestFacts`, followed by a batch. */
  request: 1,
  /** Gateway: it no longer waits for the answer with this id. */
  cancel: 2,
  /** Storage node: the answer to the batch with this id. */
  answer: 3,
  /** Storage node: problem details that explain why the batch with this id was not run. */
  problem: 4,
  /** Storage node: it accepts no further requests here and refuses those in flight. Body: problem details, or empty. */
  goodbye: 5,
  /** Both: the next bytes of the message with this id. */
  part: 6,
} as const;

export type FrameType = keyof typeof frameTypes;

export interface Frame {
  readonly type: FrameType;
  readonly id: number;
  /** Whether parts of this message follow. */
  readonly hasMore: boolean;
  /** Shares its memory with the received bytes. */
  readonly body: Buffer;
}

/** Why a connection cannot continue: it is unknown where the next frame begins, or what it belongs to. */
export type FrameProblem =
  | "unknownType"
  | "tooLong"
  | "neverInParts"
  /** A type that only the other end may send. */
  | "wrongDirection"
  | "unknownPart"
  | "idInUse"
  /** More in flight at once than the hello allows. */
  | "tooMuch";

export class FrameError extends Error {
  readonly problem: FrameProblem;

  constructor(problem: FrameProblem, message: string) {
    super(message);
    this.name = "FrameError";
    this.problem = problem;
  }
}

export const frameHeadBytes = 9;
const moreBit = 0x80;
const typeNames = Object.keys(frameTypes) as readonly FrameType[];
/** Types of messages that may be longer than one frame. */
const inParts: ReadonlySet<FrameType> = new Set(["request", "answer", "problem", "part"]);

/** Writes a frame's head at the start of `target`. */
export function writeFrameHead(target: Buffer, { type, id, hasMore }: Omit<Frame, "body">, bodyBytes: number): void {
  target.writeUInt32BE(bodyBytes, 0);
  target[4] = hasMore ? frameTypes[type] | moreBit : frameTypes[type];
  target.writeUInt32BE(id, 5);
}

/** Finds frames in bytes that arrive in chunks of any size. Buffers less than one frame and one chunk. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Bytes after `#bytes`, kept separate until a whole frame has arrived. */
  #later: Buffer[] = [];
  #laterBytes = 0;

  /** `bytes` must not be modified afterwards. */
  push(bytes: Buffer): void {
    if (this.#at === this.#bytes.length && this.#later.length === 0) {
      this.#bytes = bytes;
      this.#at = 0;
    } else {
      this.#later.push(bytes);
      this.#laterBytes += bytes.length;
    }
  }

  /** Whether a frame has begun and is incomplete. */
  get isWithinFrame(): boolean {
    return this.#bytes.length - this.#at + this.#laterBytes > 0;
  }

  /**
   * The next complete frame; null until more bytes arrive. Throws a FrameError; after that the reader must not be used.
   */
  next(): Frame | null {
    if (!this.#holds(frameHeadBytes)) return null;
    const length = this.#bytes.readUInt32BE(this.#at);
    const kind = this.#bytes[this.#at + 4] ?? 0;
    const id = this.#bytes.readUInt32BE(this.#at + 5);
    const type = typeNames[kind & ~moreBit];
    const hasMore = (kind & moreBit) !== 0;
    if (type === undefined) throw new FrameError("unknownType", `Frames of type ${kind & ~moreBit} are unknown.`);
    if (length > frameBodyBytesMax) {
      throw new FrameError("tooLong", `A frame has ${length} bytes; at most ${frameBodyBytesMax} are allowed.`);
    }
    if (hasMore && !inParts.has(type)) throw new FrameError("neverInParts", `No ${type} comes in parts.`);
    if (!this.#holds(frameHeadBytes + length)) return null;
    const start = this.#at + frameHeadBytes;
    this.#at = start + length;
    return { type, id, hasMore, body: this.#bytes.subarray(start, this.#at) };
  }

  /** Whether `count` bytes are available in one buffer from here on; joins buffers if that helps. */
  #holds(count: number): boolean {
    const rest = this.#bytes.length - this.#at;
    if (rest >= count) return true;
    if (rest + this.#laterBytes < count) return false;
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), ...this.#later]);
    this.#at = 0;
    this.#later = [];
    this.#laterBytes = 0;
    return true;
  }
}

/** The facts that precede the batch in a request. */
export interface RequestFacts {
  /** How long the gateway waits, in milliseconds from the arrival of the request. */
  readonly timeoutMs: number;
  /** The request's id in the log of the storage node. */
  readonly requestId?: string | undefined;
  /** Continues a trace (W3C Trace Context). */
  readonly traceparent?: string | undefined;
}

/** Milliseconds as u32, then both texts as Latin-1, each after its length as u8. */
export function encodeRequestFacts(facts: RequestFacts): Buffer {
  const { timeoutMs } = facts;
  const requestId = (facts.requestId ?? "").slice(0, requestIdCharactersMax);
  const traceparent = (facts.traceparent ?? "").slice(0, traceparentCharactersMax);
  const head = Buffer.allocUnsafe(6 + requestId.length + traceparent.length);
  head.writeUInt32BE(Math.max(0, Math.min(Math.ceil(timeoutMs), 0xffff_ffff)), 0);
  head[4] = requestId.length;
  head.write(requestId, 5, "latin1");
  head[5 + requestId.length] = traceparent.length;
  head.write(traceparent, 6 + requestId.length, "latin1");
  return head;
}

/** A request's facts and its batch; null when they cannot be read. */
export function decodeRequest(body: Buffer): { readonly facts: RequestFacts; readonly batch: Buffer } | null {
  const idBytes = body[4];
  if (idBytes === undefined || idBytes > requestIdCharactersMax) return null;
  const traceBytes = body[5 + idBytes];
  if (traceBytes === undefined || traceBytes > traceparentCharactersMax) return null;
  const end = 6 + idBytes + traceBytes;
  if (end > body.length) return null;
  const requestId = idBytes === 0 ? undefined : body.toString("latin1", 5, 5 + idBytes);
  const traceparent = traceBytes === 0 ? undefined : body.toString("latin1", 6 + idBytes, end);
  return { facts: { timeoutMs: body.readUInt32BE(0), requestId, traceparent }, batch: body.subarray(end) };
}

/** The storage node's first message on a connection. */
export interface Hello {
  /** Most requests that it accepts at once on this connection. */
  readonly requestsMax: number;
  /** Most bytes of requests that may be in flight at once on this connection. */
  readonly bytesMax: number;
  /** How many connections suffice to keep all of its processes busy. */
  readonly connections: number;
}

/** Null when `body` is not a hello. */
export function decodeHello(body: Buffer): Hello | null {
  let hello: unknown;
  try {
    hello = JSON.parse(body.toString("utf8"));
  } catch {
    return null;
  }
  if (typeof hello !== "object" || hello === null) return null;
  const { requestsMax, bytesMax, connections } = hello as Record<keyof Hello, unknown>;
  if (!isCount(requestsMax) || !isCount(bytesMax) || !isCount(connections)) return null;
  return { requestsMax, bytesMax, connections };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}
