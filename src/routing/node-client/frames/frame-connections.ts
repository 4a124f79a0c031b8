/**
 * The connections of frames to one storage node. They are opened in the background while calls go by `POST /batch`, and
 * where the upgrade is refused, unknown or does not work, as with a proxy in between, calls go on that way.
 */
import type { Duplex } from "node:stream";
import { attemptTimeoutMs } from "../../../core/limits.js";
import { FrameCalls } from "./frame-calls.js";
import { afterListening } from "../listening-time.js";
import { NodeFault } from "../node-client.js";

/** Most connections of frames from one process of a gateway to one storage node, which asks for one for each of its workers. */
const frameConnectionsMax = 16;

/** How long a gateway sends `POST /batch` before it asks again for the upgrade that was refused, or did not work. */
export const frameRetryMs = 10_000;

export interface UpgradeReceiver {
  readonly onSocket: (socket: Duplex) => void;
  readonly onFault: (fault: NodeFault) => void;
}

export interface FrameConnectionsParts {
  /** The storage node, as messages name it. */
  readonly node: string;
  readonly clusterId: () => string;
  /** Asks for the upgrade; calls one of the receiver's functions, once. The function returned gives it up. */
  readonly upgrade: (clusterId: string, receiver: UpgradeReceiver) => (fault: NodeFault) => void;
}

export class FrameConnections {
  readonly #parts: FrameConnectionsParts;
  /** Those that take calls. */
  readonly #ready = new Set<FrameCalls>();
  /** Those, and those whose calls are not over. */
  readonly #all = new Set<FrameCalls>();
  /** As many as the storage node asks for. */
  #wanted = 1;
  #isOffered = false;
  #isOpening = false;
  #rest: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(parts: FrameConnectionsParts) {
    this.#parts = parts;
  }

  /** The storage node says that it knows frames. */
  offered(): void {
    this.#isOffered = true;
  }

  /** The one with the fewest calls; null when there is none for a further one. Opens one in the background where that helps. */
  pick(): FrameCalls | null {
    if (!this.#isOffered) return null;
    const clusterId = this.#parts.clusterId();
    let best: FrameCalls | null = null;
    for (const calls of this.#ready) {
      if (calls.clusterId !== clusterId) calls.leave();
      else if (calls.hasRoom && (best === null || calls.size < best.size)) best = calls;
    }
    if (this.#ready.size < this.#wanted && (best === null || best.size > 0)) this.#open(clusterId);
    return best;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#rest !== null) clearTimeout(this.#rest);
    for (const calls of this.#all) calls.destroy("aborted", "did not answer before the request was cancelled");
  }

  #open(clusterId: string): void {
    if (this.#isOpening || this.#rest !== null || this.#isClosed) return;
    this.#isOpening = true;
    const { node } = this.#parts;
    let opened: FrameCalls | null = null;
    const late = new NodeFault("timeout", `${node} did not complete the handshake in time`, false);
    const stopWaiting = afterListening(attemptTimeoutMs, () => {
      giveUp(late);
      opened?.destroy(late.reason, "did not complete the handshake in time");
    });
    const isOver = (mayRetry: boolean): void => {
      stopWaiting();
      this.#isOpening = false;
      if (!mayRetry) this.#pause();
    };
    const giveUp = this.#parts.upgrade(clusterId, {
      // When there is no connection at all, the next one may be tried at once: calls by HTTP find out the same.
      onFault: (fault) => isOver(fault.isUnsent),
      onSocket: (socket) => {
        const calls = new FrameCalls(socket, {
          node,
          clusterId,
          onReady: ({ connections }) => {
            isOver(true);
            this.#wanted = Math.min(connections, frameConnectionsMax);
            this.#ready.add(calls);
          },
          onLeave: () => {
            // Without an answer it did not work, whatever it said.
            if (!this.#ready.delete(calls)) isOver(false);
            else if (!calls.hasAnswered) this.#pause();
          },
        });
        opened = calls;
        this.#all.add(calls);
        socket.once("close", () => this.#all.delete(calls));
        if (this.#isClosed) calls.destroy("aborted", "did not answer before the request was cancelled");
      },
    });
  }

  /** Leaves the upgrade alone for a while. */
  #pause(): void {
    if (this.#rest !== null || this.#isClosed) return;
    this.#rest = setTimeout(() => (this.#rest = null), frameRetryMs).unref();
  }
}
