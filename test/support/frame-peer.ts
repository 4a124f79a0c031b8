/** One end of a connection of frames, as bytes: a test says exactly what is sent, and sees what came back. */
import { connect, type Socket } from "node:net";
import { vi } from "vitest";
import type { Outcome, RoutedOperation } from "../../src/core/operation.js";
import { decodeBatchAnswer, encodeBatchRequest } from "../../src/wire/batch/batch-body.js";
import {
  encodeRequestFacts,
  FrameReader,
  writeFrameHead,
  type Frame,
  type FrameType,
} from "../../src/wire/frame/frame.js";
import { errorOfProblem } from "../../src/wire/problem.js";

/** A message whose frames have been put together. */
export interface PeerMessage {
  readonly type: FrameType;
  readonly id: number;
  readonly body: Buffer;
  /** In how many frames it came. */
  readonly frames: number;
}

export const upgradeHead = (headers: readonly string[] = []): string =>
  [
    "GET /batch HTTP/1.1",
    "Host: 127.0.0.1",
    "Connection: Upgrade",
    "Upgrade: shardgate-batch/1",
    ...headers,
    "",
    "",
  ].join("\r\n");

export function frame(type: FrameType, id: number, body: Buffer | string = "", hasMore = false): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(9);
  writeFrameHead(head, { type, id, hasMore }, bytes.length);
  return Buffer.concat([head, bytes]);
}

/** The body of a request. */
export function batch(operations: readonly RoutedOperation[], facts: { timeoutMs?: number; requestId?: string } = {}) {
  return Buffer.concat([encodeRequestFacts({ timeoutMs: 5_000, ...facts }), encodeBatchRequest(operations)]);
}

export class FramePeer {
  readonly socket: Socket;
  /** Whole messages, in the order in which they ended. */
  readonly messages: PeerMessage[] = [];
  /** What came before the frames. */
  head = "";
  isEnded = false;
  isClosed = false;
  readonly #reader = new FrameReader();
  readonly #parts = new Map<number, { type: FrameType; bodies: Buffer[] }>();
  #isUpgraded: boolean;

  /** `isUpgraded`: only frames come. */
  constructor(socket: Socket, isUpgraded = false) {
    this.socket = socket;
    this.#isUpgraded = isUpgraded;
    socket.on("data", (bytes: Buffer) => this.#received(bytes));
    socket.on("end", () => (this.isEnded = true));
    socket.on("error", () => {});
    socket.on("close", () => (this.isClosed = true));
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  request(id: number, operations: readonly RoutedOperation[]): void {
    this.send(frame("request", id, batch(operations)));
  }

  /** The message of this id and type, once it is there. */
  message(id: number, type?: FrameType): Promise<PeerMessage> {
    return vi.waitFor(
      () => {
        const message = this.messages.find((one) => one.id === id && (type === undefined || one.type === type));
        if (message === undefined) throw new Error(`No ${type ?? "message"} ${id} came.`);
        return message;
      },
      { timeout: 10_000, interval: 5 },
    );
  }

  async outcomes(id: number, operations: readonly RoutedOperation[]): Promise<readonly Outcome[]> {
    return decodeBatchAnswer((await this.message(id, "answer")).body, operations);
  }

  /** Code and message of a problem. */
  async problem(id: number, type: "problem" | "goodbye" = "problem"): Promise<string> {
    const error = errorOfProblem(JSON.parse((await this.message(id, type)).body.toString()));
    return `${error?.code}: ${error?.message}`;
  }

  #received(bytes: Buffer): void {
    let rest = bytes;
    if (!this.#isUpgraded) {
      this.head += bytes.toString("latin1");
      const end = this.head.indexOf("\r\n\r\n");
      if (end < 0 || !this.head.startsWith("HTTP/1.1 101 ")) return;
      this.#isUpgraded = true;
      rest = Buffer.from(this.head.slice(end + 4), "latin1");
      this.head = this.head.slice(0, end);
    }
    this.#reader.push(rest);
    for (let next = this.#reader.next(); next !== null; next = this.#reader.next()) this.#take(next);
  }

  #take({ type, id, hasMore, body }: Frame): void {
    const message = this.#parts.get(id) ?? { type, bodies: [] };
    message.bodies.push(body);
    this.#parts.set(id, message);
    if (hasMore) return;
    this.#parts.delete(id);
    this.messages.push({ type: message.type, id, body: Buffer.concat(message.bodies), frames: message.bodies.length });
  }
}

/** Connects and asks for frames. `bytes`: what is sent instead of the usual upgrade. */
export async function openPeer(url: string, bytes: string = upgradeHead()): Promise<FramePeer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const peer = new FramePeer(socket);
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  socket.write(bytes, "latin1");
  return peer;
}
