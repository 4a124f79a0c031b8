/**
 * The stream of the gateway's events, opened again whenever it ends or falls silent; only a gateway that refuses the caller
 * is not asked again before there is another token.
 */
import type { Problem } from "./gateway.js";

export interface Stream {
  onEvent(name: string, listener: (data: string) => void): void;
  /** With the problem when the gateway refuses whoever asks; null when the stream ended or never began. */
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
  readonly onRefused: (problem: Problem) => void;
}

/** Events come each second; three of them missing is no hiccup. */
const silenceMs = 3_500;
const reopenMs = 1_000;

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
      if (problem === null) return this.#reopen();
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
    this.#cancelTimer = this.#parts.after(silenceMs, () => this.#reopen());
  }

  #reopen(): void {
    this.stop();
    this.#cancelTimer = this.#parts.after(reopenMs, () => this.start());
  }
}
