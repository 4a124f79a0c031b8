/**
 * The stream of the gateway's events, opened again whenever it ends or falls silent; only a gateway that refuses the caller
 * is not asked again before there is another token.
 */
import type { Problem } from "./gateway.js";

export interface Stream {
  onEvent(name: string, listener: (data: string) => void): void;
  /** With the problem that the gateway told instead of the stream; null when it ended or never began. */
  onFailure(listener: (problem: Problem | null) => void): void;
  close(): void;
}

export interface EventStreamParts {
  readonly open: () => Stream;
  /** Calls back once; returns the function that cancels it. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** By event name: what to do with its data, parsed. */
  readonly listeners: Readonly<Record<string, (data: unknown) => void>>;
  readonly onLive: (isLive: boolean) => void;
  /** The gateway wants another token. */
  readonly onRefused: (problem: Problem) => void;
  /** There is no stream, and it is tried again; with the reason where the gateway gave one. */
  readonly onLost: (problem: Problem | null) => void;
}

/** Events come each second; three of them missing is no hiccup. */
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

  /** Closes the stream until the next start. What the page shows is old from now on. */
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
