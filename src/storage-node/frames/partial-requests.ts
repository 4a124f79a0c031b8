/** The incomplete requests of one connection of frames, each bounded in size, and bounded in total. */
import { framePartBytesMin, frameRequestBytesMax, frameRequestsMax, nodeBatchBodyBytesMax } from "../../core/limits.js";
import { FrameError } from "../../wire/frame/frame.js";
import { MessageParts } from "../../wire/frame/message-parts.js";

/** A request joined from its parts. */
export interface JoinedRequest {
  readonly body: Buffer;
  /** When its first part arrived. */
  readonly sinceMs: number;
  /** True when the request is longer than any batch or has too many parts; `body` is then empty. */
  readonly isTooLong: boolean;
}

interface PartialRequest {
  readonly sinceMs: number;
  readonly parts: MessageParts;
}

/** The request's facts come before its batch, and its last part may be short. */
const requestBytesMax = nodeBatchBodyBytesMax + 1024 + framePartBytesMin;

export class PartialRequests {
  /** Oldest first. */
  readonly #requests = new Map<number, PartialRequest>();
  #bytes = 0;

  get size(): number {
    return this.#requests.size;
  }

  has(id: number): boolean {
    return this.#requests.has(id);
  }

  /** When the first part of the oldest request arrived; null if there is none. */
  get oldestMs(): number | null {
    for (const { sinceMs } of this.#requests.values()) return sinceMs;
    return null;
  }

  /**
   * Begins a request. Throws a FrameError when there are more incomplete requests, or more bytes in them, than a
   * gateway may have in flight at once.
   */
  begin(id: number, body: Buffer, sinceMs: number): void {
    const request = { sinceMs, parts: new MessageParts() };
    this.#requests.set(id, request);
    if (this.#requests.size > frameRequestsMax) {
      throw new FrameError("tooMuch", `More than ${frameRequestsMax} requests are in progress on the connection.`);
    }
    this.#keep(request, body);
  }

  /**
   * Adds a part. Returns the request if this was its last part, else null. Throws a FrameError as `begin` does, and
   * when the request is unknown.
   */
  add(id: number, body: Buffer, hasMore: boolean): JoinedRequest | null {
    const request = this.#requests.get(id);
    if (request === undefined)
      throw new FrameError("unknownPart", `A frame continues request ${id}, which does not exist.`);
    this.#keep(request, body);
    if (hasMore) return null;
    this.delete(id);
    const { sinceMs, parts } = request;
    return { body: parts.join(), sinceMs, isTooLong: parts.bytes > requestBytesMax };
  }

  delete(id: number): void {
    const request = this.#requests.get(id);
    if (request === undefined) return;
    this.#requests.delete(id);
    this.#bytes -= Math.min(request.parts.bytes, requestBytesMax);
  }

  clear(): void {
    this.#requests.clear();
    this.#bytes = 0;
  }

  /** Discards bytes beyond the length of the longest request. */
  #keep({ parts }: PartialRequest, body: Buffer): void {
    const before = Math.min(parts.bytes, requestBytesMax);
    parts.add(body);
    if (parts.bytes > requestBytesMax) parts.discard();
    this.#bytes += Math.min(parts.bytes, requestBytesMax) - before;
    if (this.#bytes <= frameRequestBytesMax) return;
    throw new FrameError(
      "tooMuch",
      `Requests of more than ${frameRequestBytesMax} bytes are in progress on the connection.`,
    );
  }
}
