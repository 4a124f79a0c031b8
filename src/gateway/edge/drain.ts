/**
 * How the gateway's server stops without losing a request. At first it only announces that: `/ready` answers 503 and every
 * answer closes its connection, so that load balancers and clients go elsewhere, while everything is served as before.
 * Then it takes no further connection, serves what still comes on those that are open, and has stopped when none is left.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../core/clock.js";
import { drainTimeoutMs } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { OpenRequests } from "./open-requests.js";

/** How long a gateway that takes no further connection waits for a first request on those that have had none. */
export const drainUnusedMs = 1_000;

export interface DrainParts {
  readonly openRequests: Pick<OpenRequests, "sockets">;
  readonly clock: Clock;
  readonly log: Log;
}

export class Drain {
  readonly #parts: DrainParts;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #stage: "serving" | "announced" | "closing" = "serving";

  /** From its first connection on; `isTls`: clients are heard of after their handshake, which has a bound of its own. */
  constructor(server: Server, isTls: boolean, parts: DrainParts) {
    this.#server = server;
    this.#parts = parts;
    server.on(isTls ? "secureConnection" : "connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** The gateway stops, or is about to. */
  get hasBegun(): boolean {
    return this.#stage !== "serving";
  }

  /** To be called after each answer: a connection that falls idle would otherwise be kept for its client's next request. */
  answered(): void {
    if (this.#stage === "closing") setImmediate(() => this.#server.closeIdleConnections());
  }

  /** The first stage, which lasts for `delayMs`. */
  async announce(delayMs: number): Promise<void> {
    const { clock, log } = this.#parts;
    this.#stage = "announced";
    if (delayMs === 0) return;
    log.info(
      { delayMs },
      "The gateway is draining: it is no longer ready, and accepts no new connections after the drain delay.",
    );
    await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
  }

  /** The second stage. Resolves when no connection is left; those that outlast `drainTimeoutMs` are cut. */
  async close(): Promise<void> {
    const { clock, log } = this.#parts;
    // Right after the sockets' turn: a connection whose request has arrived is not taken for an idle one.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    this.#stage = "closing";
    const cancels = [
      clock.after(drainUnusedMs, () => this.#cutUnused()),
      clock.after(drainTimeoutMs, () => {
        log.warn(
          { drainTimeoutMs },
          "Unfinished requests were cut off; their clients get no answer and may try again.",
        );
        this.#server.closeAllConnections();
      }),
    ];
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
    for (const cancel of cancels) cancel();
  }

  /** Node takes a connection that never had a request for one in use, until the timeout for its headers. */
  #cutUnused(): void {
    const inUse = this.#parts.openRequests.sockets();
    for (const socket of this.#sockets) if (!inUse.has(socket)) socket.destroy();
  }
}
