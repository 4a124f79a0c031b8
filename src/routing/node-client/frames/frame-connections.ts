/**
 * The connections of frames to one storage node. They are opened in the background while calls use `POST /batch`. If
 * the upgrade is refused, unknown or does not work (behind a proxy, for example), calls continue over HTTP.
 */
import type { Duplex } from "node:stream";
import { attemptTimeoutMs } from "../../../core/limits.js";
import { FrameCalls } from "./frame-calls.js";
import { afterListening } from "../listening-time.js";
import { NodeFault } from "../node-client.js";

/**
 * Most connections of frames from one process of a gateway to one storage node, which asks for one for each of its
 * workers.
 */
const frameConnectionsMax = 16;

/** How long a gateway uses `POST /batch` before it tries again an upgrade that was refused or did not work. */
export const frameRetryMs = 10_000;

export interface UpgradeReceiver {
  readonly onSocket: (socket: Duplex) => void;
  readonly onFault: (fault: NodeFault) => void;
}

export interface FrameConnectionsParts {
  /** The storage node, as messages name it. */
  readonly node: string;
  readonly clusterId: () => string;
  /**
   * Sends the upgrade request and calls one function of the receiver, once. The returned function cancels the upgrade.
   */
  readonly upgrade: (clusterId: string, receiver: UpgradeReceiver) => (fault: NodeFault) => void;
}

export class FrameConnections {
  readonly #parts: FrameConnectionsParts;
  /** Connections that accept calls. */
  readonly #ready = new Set<FrameCalls>();
  /** The same connections, and those that finish their last calls. */
  readonly #all = new Set<FrameCalls>();
  /** How many connections the storage node asks for. */
  #wanted = 1;
  #isOffered = false;
  #isOpening = false;
  #rest: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(parts: FrameConnectionsParts) {
    this.#parts = parts;
  }

  /** Called when the storage node announces support for frames. */
  offered(): void {
    this.#isOffered = true;
  }

  /**
   * The connection with the fewest calls; null when none has room for another. Opens a connection in the background
   * where that helps.
   */
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
      // After a failed connection attempt the next one may follow at once: calls over HTTP meet the same failure.
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
            // A connection that has carried no answer did not work, whatever the upgrade said.
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

  /** Suspends upgrades for `frameRetryMs`. */
  #pause(): void {
    if (this.#rest !== null || this.#isClosed) return;
    this.#rest = setTimeout(() => (this.#rest = null), frameRetryMs).unref();
  }
}
