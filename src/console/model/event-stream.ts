/**
 * The stream of the gateway's events, reopened whenever it ends or falls silent. After the gateway has refused the
 * caller, it is reopened only with another token.
 */
import type { Problem } from "./gateway.js";

export interface Stream {
  onEvent(name: string, listener: (data: string) => void): void;
  /** Called with the problem that the gateway sent instead of the stream; null when the stream ended or never began. */
  onFailure(listener: (problem: Problem | null) => void): void;
  close(): void;
}

export interface EventStreamParts {
  readonly open: () => Stream;
  /** Calls back once; returns the function that cancels it. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** Handlers of the parsed data, by event name. */
  readonly listeners: Readonly<Record<string, (data: unknown) => void>>;
  readonly onLive: (isLive: boolean) => void;
  /** Called when the gateway requires another token. */
  readonly onRefused: (problem: Problem) => void;
  /** Called when there is no stream and it will be reopened; with the reason, if the gateway sent one. */
  readonly onLost: (problem: Problem | null) => void;
}

/** Events arrive each second; after three missing ones the stream counts as lost. */
const silenceMs = 3_500;
const reopenMs = 1_000;
const refusals: ReadonlySet<string> = new Set(["UNAUTHENTICATED", "FORBIDDEN"]);

export class EventStream {
  readonly #parts: EventStreamParts;
  #stream: Stream | null = null;
  #cancelTimer: () => void = () => {};

  constructor(parts: EventStreamParts) {
    this.#parts = parts;
  }

  /** Opens the stream; does nothing when it is open. */
  start(): void {
    if (this.#stream !== null) return;
    const stream = this.#parts.open();
    this.#stream = stream;
    for (const [name, listener] of Object.entries(this.#parts.listeners)) {
      stream.onEvent(name, (data) => {
        if (this.#stream !== stream) return;
        this.#watch();
        listener(JSON.parse(data));
        this.#parts.onLive(true);
      });
    }
    stream.onFailure((problem) => {
      if (this.#stream !== stream) return;
      if (problem === null || !refusals.has(problem.code)) return this.#reopen(problem);
      this.stop();
      this.#parts.onRefused(problem);
    });
    this.#watch();
  }

  /** Closes the stream until the next start. From now on the page's data are outdated. */
  stop(): void {
    this.#cancelTimer();
    this.#stream?.close();
    this.#stream = null;
    this.#parts.onLive(false);
  }

  #watch(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#parts.after(silenceMs, () => this.#reopen(null));
  }

  #reopen(problem: Problem | null): void {
    this.stop();
    this.#parts.onLost(problem);
    this.#cancelTimer = this.#parts.after(reopenMs, () => this.start());
  }
}
