/**
 * Stops the gateway's server without losing a request. The first stage only announces the end: `/ready` answers 503 and
 * every answer closes its connection, so that load balancers and clients go elsewhere, while everything is still
 * served. The second stage accepts no further connections, serves requests on open ones, and ends when no connection is
 * left.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../core/clock.js";
import { drainTimeoutMs } from "../../core/limits.js";
import type { Log } from "../../core/log.js";
import type { OpenRequests } from "./open-requests.js";

/** How long a gateway that accepts no further connections waits for the first request on connections without one. */
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

  /**
   * Must be created before the first connection. `isTls`: connections are tracked from the end of their handshake,
   * which has a bound of its own.
   */
  constructor(server: Server, isTls: boolean, parts: DrainParts) {
    this.#server = server;
    this.#parts = parts;
    server.on(isTls ? "secureConnection" : "connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** Whether the gateway is stopping or has announced that. */
  get hasBegun(): boolean {
    return this.#stage !== "serving";
  }

  /** Call after each answer: an idle connection would otherwise be kept for its client's next request. */
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

  /** The second stage. Resolves when no connection is left; connections that outlast `drainTimeoutMs` are destroyed. */
  async close(): Promise<void> {
    const { clock, log } = this.#parts;
    // Waits until sockets have been read: a connection whose request has just arrived is not idle.
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

  /** Until the timeout for headers, Node counts a connection without any request as active. */
  #cutUnused(): void {
    const inUse = this.#parts.openRequests.sockets();
    for (const socket of this.#sockets) if (!inUse.has(socket)) socket.destroy();
  }
}
