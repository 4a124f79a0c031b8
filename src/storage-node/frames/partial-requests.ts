/** Requests of one connection of frames of which parts are missing, bounded together and each. */
import { framePartBytesMin, frameRequestBytesMax, frameRequestsMax, nodeBatchBodyBytesMax } from "../../core/limits.js";
import { FrameError } from "../../wire/frame/frame.js";
import { MessageParts } from "../../wire/frame/message-parts.js";

/** A request that came in parts. */
export interface JoinedRequest {
  readonly body: Buffer;
  /** When its first part came. */
  readonly sinceMs: number;
  /** It is longer than any batch, or cut into too many parts; `body` is empty. */
  readonly isTooLong: boolean;
}

interface PartialRequest {
  readonly sinceMs: number;
  readonly parts: MessageParts;
}

/** A request's facts come before its batch, and its last part may be short. */
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

  /** When the first part of the oldest came; null without any. */
  get oldestMs(): number | null {
    for (const { sinceMs } of this.#requests.values()) return sinceMs;
    return null;
  }

  /** Throws a FrameError when they are more, or longer, than a gateway may have on their way at once. */
  begin(id: number, body: Buffer, sinceMs: number): void {
    const request = { sinceMs, parts: new MessageParts() };
    this.#requests.set(id, request);
    if (this.#requests.size > frameRequestsMax) {
      throw new FrameError("tooMuch", `More than ${frameRequestsMax} requests are in progress on the connection.`);
    }
    this.#keep(request, body);
  }

  /** The request whose last part this was, else null. Throws a FrameError as `begin`, and when there is no such request. */
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

  /** What lies beyond the longest request is thrown away. */
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
